//! The operator of Kivi's key-value stores.
//!
//! One reconcile is five steps, each a module: [`dereference`] (client) -> [`validate`] (pure) ->
//! [`build`] (pure) -> [`apply`] (client) -> [`status`] (client). What passes between them is data: [`dereferenced`], then the
//! [`model`]. [`reconcile`] calls them in order; [`controller`] says when; [`election`] says which of several operators;
//! [`run`] wires the process. Which step knows a client is not a habit but a property: `build` cannot name one, and `status`
//! takes only what `apply` returned.

mod answer;
pub mod apply;
mod backoff;
pub mod backup;
pub mod build;
pub mod catalog;
pub mod cli;
pub mod client;
pub mod controller;
pub mod dereference;
pub mod dereferenced;
pub mod election;
mod events;
pub mod field_manager;
pub mod foreign;
pub mod ledger;
pub mod material;
mod merged;
pub mod metrics;
pub mod model;
pub mod pki;
pub mod progress;
#[cfg(test)]
mod properties;
pub mod reconcile;
pub mod renewal;
pub mod rollouts;
pub mod run;
pub mod status;
mod term;
#[cfg(test)]
mod test_support;
pub mod triggers;
pub mod validate;
pub mod volumes;
pub mod watched;
