//! Kivi measured beside its peers: the same client, the same payloads, alternating rounds on one machine.
//!
//! - [`cli`]: which cases, how long.
//! - `subject`: starts and stops what is measured.
//! - `upstream`: the server behind the proxies that are measured.
//! - `client`: the load.
//! - `case`: who is measured at what.
//! - `operator`: the operator on a cluster, which has cases of its own.
//! - `report`: lines of JSON, tables with bars, the page, curves.
//!
//! A program, never a test: a figure depends on the machine, and a test must not.

mod case;
pub mod cli;
mod client;
mod dataset;
mod error;
mod interrupt;
mod machine;
#[cfg(feature = "operator")]
mod operator;
mod report;
mod subject;
mod upstream;

pub use error::BenchError;
