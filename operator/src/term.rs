//! What goes on while this operator leads: the controllers, from a fresh list of all stores.
//!
//! A new leader begins with lists that are as new as the API server's own state, never with what it saw as a
//! stand-by: what the last leader did is in them, so nothing older than that is applied again.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use kivi_process::health::Check;
use kube_runtime::reflector::Store;
use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::backup;
use crate::controller::{Controller, Scope};
use crate::election::leadership::{Ended, Leadership};
use crate::progress::Progress;
use crate::reconcile::Context;
use crate::watched::Watched;

/// How long reconciles under way may take to end when the operator stops; Kubernetes kills it 30 s after it asked.
const DRAIN: Duration = Duration::from_secs(15);

/// What terms need, and what others may know of them.
pub(crate) struct Terms {
    pub(crate) scope: Scope,
    pub(crate) context: Arc<Context>,
    pub(crate) concurrency: u16,
    pub(crate) progress: Progress,
    pub(crate) known: Known,
}

impl Terms {
    /// Reconciles whenever it leads, until `shutdown`.
    ///
    /// # Errors
    /// When it would never lead again.
    pub(crate) async fn serve(
        &self,
        mut leadership: Leadership,
        shutdown: &CancellationToken,
    ) -> Result<(), Ended> {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                won = leadership.won() => won?,
            }
            tracing::info!("This operator leads.");
            self.context.metrics.leads(true);
            self.one(&mut leadership, shutdown).await;
            self.context.metrics.leads(false);
            self.known.forget();
            self.progress.forget();
        }
    }

    /// Nothing of a term outlives it: dropped, its calls are cut off where they are.
    async fn one(&self, leadership: &mut Leadership, shutdown: &CancellationToken) {
        let mut controller = Controller::new(&self.scope, &self.context.ledger);
        let mut backups = backup::controller::Controller::new(&self.scope);
        controller.also(backups.stores());
        self.known.are(controller.stores());
        self.context.copies.begin(backups.backups());
        let of_backups = backup::Context::new(&self.context, backups.backups());
        let both = async {
            futures::join!(
                controller.run(self.context.clone(), self.concurrency, shutdown.clone()),
                backups.run(of_backups, shutdown.clone())
            );
        };
        tokio::select! {
            () = both => {}
            () = leadership.lost() => {
                tracing::warn!("The Lease was not renewed in time: this operator stops reconciling.");
            }
            () = self.drained(shutdown) => {}
        }
    }

    /// When to wait no longer for a controller that was told to end.
    async fn drained(&self, shutdown: &CancellationToken) {
        shutdown.cancelled().await;
        // Before all stores are known no reconcile begins, so none is waited for; a controller would wait for ever.
        if !self.known.are_all_known() {
            return;
        }
        sleep(DRAIN).await;
        tracing::warn!(drain_s = DRAIN.as_secs(), "Reconciles under way did not end in time.");
    }
}

/// The stores that the controller of this term knows; none while another leads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(Arc<Mutex<Option<Store<Watched>>>>);

impl Known {
    fn are(&self, stores: Store<Watched>) {
        *self.0.lock() = Some(stores);
    }

    /// The stores; none while another leads.
    pub(crate) fn stores(&self) -> Option<Store<Watched>> {
        self.0.lock().clone()
    }

    fn forget(&self) {
        *self.0.lock() = None;
    }

    fn are_all_known(&self) -> bool {
        let stores = self.0.lock().clone();
        stores.is_some_and(|stores| stores.wait_until_ready().now_or_never().is_some())
    }

    /// The readiness check. One that stands by is ready: a rollout waits for it before it ends the leader.
    pub(crate) fn check(&self) -> Check {
        let Some(stores) = self.0.lock().clone() else {
            return Check::ok("another operator leads, this one stands by");
        };
        // Ready once the first list is complete; until then the stores are not all known.
        match stores.wait_until_ready().now_or_never() {
            Some(Ok(())) => Check::ok(format!("{} stores known", stores.len())),
            Some(Err(error)) => Check::failing(error.to_string()),
            None => Check::pending("the stores are being listed"),
        }
    }
}
