//! From figures to what people and programs read: lines of JSON, a table with bars, a page, curves. Pure but for
//! writing the files.

mod bars;
mod curves;
mod page;
mod results;
mod sidecar_page;
mod table;

pub(crate) use self::{
    bars::{SERVER, SIDECAR},
    curves::{Curve, Figure},
    page::write as write_page,
    results::{Metric, Results},
    sidecar_page::write as write_sidecar_page,
    table::print,
};
