//! When a backup is reconciled: its own watch, and that of its Job.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::stream::{BoxStream, SelectAll};
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::{KeyValueStoreBackup, labels};
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::{Resource as _, ResourceExt as _};
use kube_runtime::controller::{self, Config as Queue, Error};
use kube_runtime::reflector::{self, ObjectRef, Store};
use kube_runtime::{WatchStreamExt as _, applier};
use tokio_util::sync::CancellationToken;

use super::known::Watched;
use super::reconcile::{Context, error_policy, reconcile};
use crate::controller::{Scope, config, related, report, whole};

/// How many backups are reconciled at once. A reconcile is a few requests; the copying is the Jobs'.
const CONCURRENCY: u16 = 4;

/// A controller that is ready to run, and what it knows of backups.
pub struct Controller {
    backups: Store<Watched>,
    queue: SelectAll<BoxStream<'static, ObjectRef<Watched>>>,
    stores: UnboundedReceiver<ObjectRef<crate::watched::Watched>>,
}

impl Controller {
    /// Prepares the watches; nothing is sent before [`Controller::run`].
    pub fn new(scope: &Scope) -> Self {
        let (backups, writer) = reflector::store::<Watched>();
        let (sender, stores) = unbounded();
        let gone =
            |metadata| DeserializeGuard(Err(InvalidObject { error: "it is gone".to_owned(), metadata }));
        let main = whole(scope, &config(), gone)
            .modify(|backup| backup.meta_mut().managed_fields = None)
            .reflect(writer)
            .touched_objects();
        let mut queue = SelectAll::new();
        queue.push(
            report("KeyValueStoreBackup".to_owned(), main)
                .map(move |backup| {
                    if let Some(store) = store(&backup) {
                        // Nobody listens once the operator stops.
                        let _ = sender.unbounded_send(store);
                    }
                    ObjectRef::from_obj(&backup)
                })
                .boxed(),
        );
        let managed = config().labels(&format!("{}={}", labels::MANAGED_BY, labels::MANAGER));
        queue
            .push(related::<Job, Watched>(scope, &managed, |metadata| owner(metadata).into_iter().collect()));
        Self { backups, queue, stores }
    }

    /// What the controller knows of backups.
    pub fn backups(&self) -> Store<Watched> {
        self.backups.clone()
    }

    /// The stores whose backups changed, while this controller runs.
    pub fn stores(&mut self) -> impl Stream<Item = ObjectRef<crate::watched::Watched>> + Send + use<> {
        let (_, none) = unbounded();
        std::mem::replace(&mut self.stores, none)
    }

    /// Reconciles until `shutdown`, then ends what has begun.
    pub async fn run(self, context: Context, shutdown: CancellationToken) {
        let queue = self.queue.take_until(shutdown.cancelled_owned()).map(Ok::<_, Infallible>);
        applier(
            |backup, context| Box::pin(reconcile(backup, context)),
            error_policy,
            Arc::new(context),
            self.backups,
            queue,
            Queue::default().concurrency(CONCURRENCY),
        )
        .for_each(|outcome: Result<(_, controller::Action), _>| {
            if let Err(error @ Error::QueueError(_)) = outcome {
                tracing::error!(%error, "The queue of backups failed.");
            }
            ready(())
        })
        .await;
    }
}

/// The store that a backup is of.
fn store(backup: &Watched) -> Option<ObjectRef<crate::watched::Watched>> {
    let backup = backup.0.as_ref().ok()?;
    Some(ObjectRef::new(&backup.spec.store_ref.name).within(&backup.namespace()?))
}

/// The backup that owns a Job.
fn owner(metadata: &ObjectMeta) -> Option<ObjectRef<Watched>> {
    let namespace = metadata.namespace.as_deref()?;
    let mut owners = metadata.owner_references.iter().flatten();
    let owner = owners.find(|owner| {
        owner.kind == KeyValueStoreBackup::kind(&())
            && owner.api_version == KeyValueStoreBackup::api_version(&())
    })?;
    Some(ObjectRef::new(&owner.name).within(namespace))
}
