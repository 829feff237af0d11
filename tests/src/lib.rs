//! What the tests and the demo share: a real data set, and hands on a cluster.
//!
//! - [`dataset`] reads the machine's own package index: odd keys, real values.
//! - [`kubectl`] runs `kubectl` and `helm`, and keeps port-forwards open.
//! - [`install`] puts this checkout's operator into the cluster.
//! - [`operator`] runs one beside it.
//! - [`resizer`] plays the part of the storage that lets volumes grow.
//! - [`s3`] is a real S3 server, on this machine or in the cluster.
//! - [`store`] reaches one store as a user would: token and CA from the cluster, HTTPS through a forward.
//! - [`tour`] is the walk through the REST API that [`demo`] prints.
//! - [`cert_manager`] issues certificates.
//! - [`jaeger`] receives spans and answers what it received.
//!
//! It must not know how the operator or the server work inside: it sees what a user sees.

pub mod cert_manager;
pub mod dataset;
pub mod demo;
mod error;
pub mod install;
pub mod jaeger;
pub mod kubectl;
pub mod operator;
pub mod resizer;
pub mod s3;
pub mod store;
pub mod tour;

pub use error::Failure;
