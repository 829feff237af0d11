//! From figures to what people and programs read: lines of JSON, a table with bars, a page, curves. Pure but for
//! writing the files.

mod bars;
mod curves;
#[cfg(feature = "operator")]
mod operator_page;
mod page;
mod results;
mod server_page;
mod sidecar_page;
mod table;

#[cfg(feature = "operator")]
pub(crate) use self::operator_page::OPERATOR_PAGE;
pub(crate) use self::{
    curves::{Curve, Figure},
    page::Page,
    results::{Metric, Results},
    server_page::SERVER_PAGE,
    sidecar_page::SIDECAR_PAGE,
    table::print,
};
