//! Backups: what becomes of a `KeyValueStoreBackup`.
//!
//! The steps are a store's: `dereference` (client) -> `validate` (pure) -> [`build`] (pure) -> `reconcile` makes the Job
//! (client) -> `status` (pure, and one write). A Job is made once and never changed; what it says at its end is the
//! backup's outcome. The copying itself is the Job's: no data passes through the operator.

pub(crate) mod ages;
pub mod authority;
pub mod build;
pub mod controller;
mod dereference;
pub mod due;
pub mod gap;
pub mod known;
pub mod model;
pub mod origin;
mod outcome;
pub mod policy;
pub mod reconcile;
mod report;
pub mod schedule;
mod status;
mod validate;

pub use known::Watched;
pub use reconcile::Context;
