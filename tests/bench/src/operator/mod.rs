//! The operator on a cluster that is up. It runs beside it, as it ships, with the rights of its ServiceAccount.
//!
//! - `ready`: from the apply of a store to its readiness, beside the same pod as a bare StatefulSet.
//! - `stores`: many stores on simulated nodes, in a cluster that is full of other things.

mod api;
mod bare;
mod calls;
mod edits;
mod foreign;
mod memory;
mod ready;
mod room;
mod stores;
mod watch;

pub(crate) use ready::ready;
pub(crate) use stores::stores;

use kivi_tests::install;

use crate::{
    error::BenchError,
    report::{Metric, Results},
};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Of `ready`.
    pub(crate) rounds: usize,
    pub(crate) stores: usize,
    /// Secrets of somebody else's, and as many pods.
    pub(crate) foreign: usize,
    /// Edits whose reaction is timed.
    pub(crate) edits: usize,
    /// How long no write is to be seen.
    pub(crate) rest: std::time::Duration,
}

/// The chart and its operator, which must run beside the cluster: its process is what is measured.
async fn install() -> Result<install::Installed, BenchError> {
    let installed = install::operator().await.map_err(failure("install the operator"))?;
    if !installed.is_beside().await {
        let message =
            "name the program to measure in KIVI_OPERATOR, as `make bench-operator` does".to_owned();
        return Err(BenchError::Cluster { action: "measure an operator in a pod".to_owned(), message });
    }
    Ok(installed)
}

/// For `map_err`: names what was tried.
fn failure<E: std::fmt::Display>(action: impl Into<String>) -> impl FnOnce(E) -> BenchError {
    move |error| BenchError::Cluster { action: action.into(), message: error.to_string() }
}

/// Runs what blocks, a command for one, beside the runtime.
async fn blocking<T: Send + 'static>(
    action: &str,
    work: impl FnOnce() -> Result<T, kivi_cluster::ClusterError> + Send + 'static,
) -> Result<T, BenchError> {
    let ended = tokio::task::spawn_blocking(work).await.map_err(failure(action))?;
    ended.map_err(failure(action))
}

/// Adds a figure, and tells whoever waits.
fn add(
    results: &mut Results,
    case: &'static str,
    subject: &'static str,
    (name, unit): (&'static str, &'static str),
    value: f64,
) {
    eprintln!("    {subject}: {name} {value:.3} {unit}");
    results.add(Metric { case, subject, name, unit }, value);
}
