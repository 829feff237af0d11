//! Kivi's key-value server: one store over one transaction log, served over HTTP.
//!
//! - [`Flags`] and [`Config`]: what the server was told, checked before anything is bound or opened.
//! - [`Server`]: binds, serves, drains and flushes; [`run`] is all of it in one call.
//! - `express`, `edge` and `routes`: from a request to the store and back; `access` says who may.
//! - `readiness` and `metrics`: what the health port tells; `operations`: what the admin port does; `memory`: a warning
//!   at the start.
//! - [`tools`]: what is done with the log of a server that is stopped.
//!
//! It must not know how the store keeps its data, nor Kubernetes.

mod access;
mod config;
mod edge;
mod express;
mod flags;
mod memory;
mod metrics;
mod operations;
mod readiness;
mod routes;
mod server;
pub mod tools;

pub use config::{Config, UsageError};
pub use flags::Flags;
pub use server::{RunError, Server, run};
