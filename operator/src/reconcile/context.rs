//! What every reconcile of a store shares.

use std::collections::HashMap;
use std::sync::Arc;

use kube::Client;
use kube_runtime::events::Recorder;
use kube_runtime::reflector::ObjectRef;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::backup::known::Copies;
use crate::catalog::Catalog;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::rollouts::Rollouts;
use crate::watched::Watched;

/// What a reconcile needs besides the store.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// The releases that can be run; it changes with its file.
    pub catalog: watch::Receiver<Catalog>,
    /// Who may be rolled out.
    pub rollouts: Arc<Rollouts>,
    /// The DNS domain of the cluster's Services.
    pub cluster_domain: String,
    /// What is known of backups.
    pub copies: Copies,
    /// Publishes events; shared, because it folds repeats.
    pub recorder: Recorder,
    /// What is counted.
    pub metrics: Metrics,
    /// What of the children need not be sent again.
    pub ledger: Arc<Ledger>,
    /// How often in a row each store failed.
    pub failures: Mutex<HashMap<ObjectRef<Watched>, u32>>,
}

impl Context {
    /// Forgets how often a store failed that is gone: another of its name begins anew.
    pub fn forget(&self, name: &str, namespace: Option<&str>) {
        let mut store = ObjectRef::new(name);
        store.namespace = namespace.map(str::to_owned);
        self.failures.lock().remove(&store);
    }
}
