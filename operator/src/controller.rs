//! When a store is reconciled: the watches, each with its own backoff, and the queue they feed.
//!
//! Only stores are cached. What they own is watched by metadata alone and not kept; so is every Secret,
//! because a store may name one of someone else's.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, SelectAll, select_all};
use futures::{Stream, StreamExt as _};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::labels;
use kube::api::{Api, PartialObjectMeta};
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::{Client, Resource};
use kube_runtime::controller::{self, Config as Queue, Error};
use kube_runtime::reflector::{self, ObjectRef, Store};
use kube_runtime::watcher::{self, Event, watcher};
use kube_runtime::{WatchStreamExt as _, applier};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::answer::is_forbidden;
use crate::backoff::Backoff;
use crate::ledger::{Ledger, News};
use crate::merged::Merged;
use crate::progress::WATCH_TIMEOUT_SECONDS;
use crate::reconcile::{Context, error_policy, reconcile};
use crate::rollouts::{self, Rollouts};
use crate::triggers;
use crate::watched::Watched;

/// Where stores are looked for.
#[derive(Clone)]
pub struct Scope {
    /// The API server.
    pub client: Client,
    /// The namespaces; none means all.
    pub namespaces: Vec<String>,
}

impl Scope {
    /// The APIs of a kind that make up this scope.
    pub fn apis<K>(&self) -> Vec<Api<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        if self.namespaces.is_empty() {
            return vec![Api::all(self.client.clone())];
        }
        self.namespaces.iter().map(|name| Api::namespaced(self.client.clone(), name)).collect()
    }
}

/// A controller that is ready to run, and what it knows of stores.
pub struct Controller {
    stores: Store<Watched>,
    sets: Store<StatefulSet>,
    queue: SelectAll<BoxStream<'static, ObjectRef<Watched>>>,
}

impl Controller {
    /// Prepares the watches, which the ledger is told of; nothing is sent before [`Controller::run`].
    pub fn new(scope: &Scope, ledger: &Arc<Ledger>) -> Self {
        ledger.clear();
        let (stores, writer) = reflector::store::<Watched>();
        let gone =
            |metadata| DeserializeGuard(Err(InvalidObject { error: "it is gone".to_owned(), metadata }));
        let main = whole(scope, &config(), gone).modify(trim).reflect(writer).touched_objects();
        let mut queue = SelectAll::new();
        let known = Known { stores: stores.clone(), ledger: ledger.clone() };
        queue.push(report("KeyValueStore".to_owned(), main).map(|store| ObjectRef::from_obj(&store)).boxed());
        let managed = config().labels(&format!("{}={}", labels::MANAGED_BY, labels::MANAGER));
        let child = |metadata: &ObjectMeta| triggers::child(metadata).into_iter().collect();
        // Kept as far as the stagger of roll-outs asks of them.
        let (sets, writer) = reflector::store::<StatefulSet>();
        let changes = whole(scope, &managed, |metadata| StatefulSet { metadata, ..StatefulSet::default() })
            .modify(rollouts::prune)
            .reflect(writer);
        known.ledger.expect("StatefulSet", 1);
        queue.push(known.concerned("StatefulSet", changes.map(|event| (0, event)), child));
        queue.push(known.followed::<ConfigMap>(scope, &managed, child));
        queue.push(known.followed::<Service>(scope, &managed, child));
        queue.push(known.followed::<ServiceAccount>(scope, &managed, child));
        queue.push(known.followed::<PodDisruptionBudget>(scope, &managed, child));
        queue.push(known.followed::<NetworkPolicy>(scope, &managed, child));
        queue.push(known.followed::<Ingress>(scope, &managed, child));
        queue.push(known.followed::<CronJob>(scope, &managed, child));
        // Pods are the StatefulSet's, so not the store's by their owner; a pod that leaves, or cannot pull
        // its image, changes nothing of the StatefulSet for long.
        queue.push(
            known.followed::<Pod>(scope, &managed, |metadata| {
                triggers::instance(metadata).into_iter().collect()
            }),
        );
        let claims = config().labels("app.kubernetes.io/name=kivi");
        queue.push(known.followed::<PersistentVolumeClaim>(scope, &claims, |metadata| {
            triggers::instance(metadata).into_iter().collect()
        }));
        let all = stores.clone();
        queue.push(
            known.followed::<Secret>(scope, &config(), move |metadata| triggers::secret(metadata, &all)),
        );
        Self { stores, sets, queue }
    }

    /// Has the stores of this stream reconciled too.
    pub fn also(&mut self, stores: impl Stream<Item = ObjectRef<Watched>> + Send + 'static) {
        self.queue.push(stores.boxed());
    }

    /// What the controller knows of stores.
    pub fn stores(&self) -> Store<Watched> {
        self.stores.clone()
    }

    /// Reconciles until `shutdown`, then ends what has begun.
    pub async fn run(mut self, context: Arc<Context>, concurrency: u16, shutdown: CancellationToken) {
        self.queue.push(all_at_each_change(&context, &self.stores));
        context.rollouts.begin(self.sets, self.stores.clone());
        self.queue.push(called(Arc::clone(&context.rollouts)));
        let queue = self.queue.take_until(shutdown.cancelled_owned()).map(Ok::<_, Infallible>);
        applier(
            |store, context| Box::pin(reconcile(store, context)),
            error_policy,
            context.clone(),
            self.stores,
            queue,
            Queue::default().concurrency(concurrency),
        )
        .for_each(|outcome| {
            if let Err(Error::ObjectNotFound(gone)) = &outcome {
                context.forget(&gone.name, gone.namespace.as_deref());
            }
            log(outcome);
            ready(())
        })
        .await;
    }
}

/// Every store, whenever the catalog changes.
fn all_at_each_change(context: &Context, stores: &Store<Watched>) -> BoxStream<'static, ObjectRef<Watched>> {
    let stores = stores.clone();
    futures::stream::unfold(context.catalog.clone(), |mut catalog| async {
        catalog.changed().await.ok()?;
        Some(((), catalog))
    })
    .flat_map(move |()| {
        let all = stores.state();
        futures::stream::iter(all.into_iter().map(|store| ObjectRef::from_obj(store.as_ref())))
    })
    .boxed()
}

/// The stores that have waited for their turn to be rolled out.
fn called(rollouts: Arc<Rollouts>) -> BoxStream<'static, ObjectRef<Watched>> {
    /// A turn ends by what the StatefulSet's controller does, or a human; a look costs nothing while nobody waits.
    const LOOKS: Duration = Duration::from_secs(1);
    let looks = futures::stream::unfold(tokio::time::interval(LOOKS), |mut looks| async {
        looks.tick().await;
        Some(((), looks))
    });
    looks.flat_map(move |()| futures::stream::iter(rollouts.call())).boxed()
}

/// All objects of a kind in a scope, as one watch. `gone` makes an object of which only the name is left.
pub(crate) fn whole<K>(
    scope: &Scope,
    config: &watcher::Config,
    gone: impl Fn(ObjectMeta) -> K + Send + 'static,
) -> BoxStream<'static, Result<Event<K>, watcher::Error>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let apis = scope.apis::<K>().into_iter().enumerate();
    let watches = apis.map(|(number, api)| {
        watcher(api, config.clone()).backoff(Backoff::default()).map(move |event| (number, event)).boxed()
    });
    let watches: Vec<_> = watches.collect();
    let mut merged = Merged::of(watches.len());
    let gone = move |object: &ObjectRef<K>| {
        let (name, namespace) = (Some(object.name.clone()), object.namespace.clone());
        gone(ObjectMeta { name, namespace, ..ObjectMeta::default() })
    };
    select_all(watches)
        .flat_map(move |(number, event)| {
            let events: Vec<Result<_, watcher::Error>> = match event {
                Ok(event) => {
                    merged.on(number, event, ObjectRef::from_obj, &gone).into_iter().map(Ok).collect()
                }
                Err(error) => {
                    let refused = is_forbidden_watch(&error);
                    let told =
                        if refused { merged.refused(number, ObjectRef::from_obj, &gone) } else { Vec::new() };
                    std::iter::once(Err(error)).chain(told.into_iter().map(Ok)).collect()
                }
            };
            futures::stream::iter(events)
        })
        .boxed()
}

/// Whether the API server does not let the operator list: as in a namespace that went, with its RoleBinding.
fn is_forbidden_watch(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::InitialListFailed(error) if is_forbidden(error))
}

pub(crate) fn config() -> watcher::Config {
    /// A page is in memory as a whole, as text and as objects: at a start, those of all watches at once.
    const PAGE: u32 = 100;
    watcher::Config::default().timeout(WATCH_TIMEOUT_SECONDS).page_size(PAGE)
}

/// Takes from a store what only others read, and what may be as large as the rest of it.
fn trim(store: &mut Watched) {
    const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let metadata = store.meta_mut();
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
}

/// What the watches of children know.
struct Known {
    stores: Store<Watched>,
    ledger: Arc<Ledger>,
}

impl Known {
    /// The stores that changes of a kind concern, deletions too: drift is corrected. What the operator did itself is
    /// none.
    fn followed<K>(
        &self,
        scope: &Scope,
        config: &watcher::Config,
        stores: impl Fn(&ObjectMeta) -> Vec<ObjectRef<Watched>> + Send + Sync + 'static,
    ) -> BoxStream<'static, ObjectRef<Watched>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let apis = scope.apis::<PartialObjectMeta<K>>();
        self.ledger.expect(&K::kind(&()), apis.len());
        let watches = apis.into_iter().enumerate().map(|(number, api)| {
            watcher(api, config.clone()).backoff(Backoff::default()).map(move |event| (number, event)).boxed()
        });
        self.concerned(&K::kind(&()), select_all(watches), stores)
    }

    /// The stores that events of watches concern, once the ledger has heard of them.
    fn concerned<K: Resource + Send + 'static>(
        &self,
        kind: &str,
        events: impl Stream<Item = (usize, Result<Event<K>, watcher::Error>)> + Send + 'static,
        stores: impl Fn(&ObjectMeta) -> Vec<ObjectRef<Watched>> + Send + Sync + 'static,
    ) -> BoxStream<'static, ObjectRef<Watched>> {
        let (all, ledger, kind) = (self.stores.clone(), self.ledger.clone(), kind.to_owned());
        let (refused, of) = (self.ledger.clone(), kind.clone());
        let events = events.map(move |(watch, event)| {
            if event.as_ref().is_err_and(is_forbidden_watch) {
                refused.refused(&of, watch);
            }
            event.map(|event| (watch, event))
        });
        report(kind.clone(), events)
            .flat_map(move |(watch, event)| {
                futures::stream::iter(match ledger.heed(&kind, watch, event) {
                    News::None => Vec::new(),
                    News::Own(metadata) => {
                        let of = triggers::child(&metadata);
                        stores(&metadata).into_iter().filter(|store| of.as_ref() != Some(store)).collect()
                    }
                    News::Of(metadata) => stores(&metadata),
                    News::Lost => {
                        all.state().iter().map(|store| ObjectRef::from_obj(store.as_ref())).collect()
                    }
                })
            })
            .boxed()
    }
}

/// What changes of a kind concern, deletions too: drift is corrected.
pub(crate) fn related<K, T>(
    scope: &Scope,
    config: &watcher::Config,
    concerned: impl Fn(&ObjectMeta) -> Vec<ObjectRef<T>> + Send + Sync + 'static,
) -> BoxStream<'static, ObjectRef<T>>
where
    T: reflector::Lookup<DynamicType = ()> + Send + 'static,
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let watch = |api| watcher(api, config.clone()).backoff(Backoff::default()).touched_objects().boxed();
    let changes = select_all(scope.apis::<PartialObjectMeta<K>>().into_iter().map(watch));
    report(K::kind(&()).into_owned(), changes)
        .flat_map(move |object| futures::stream::iter(concerned(&object.metadata)))
        .boxed()
}

/// Logs the errors of a watch; it recovers by itself, with its own backoff.
pub(crate) fn report<K: Send + 'static>(
    kind: String,
    changes: impl Stream<Item = Result<K, watcher::Error>> + Send + 'static,
) -> impl Stream<Item = K> + Send + 'static {
    changes.filter_map(move |change| {
        ready(match change {
            Ok(object) => Some(object),
            Err(error) => {
                tracing::warn!(kind, %error, "A watch was interrupted and will be taken up again.");
                None
            }
        })
    })
}

/// A store that is gone by the time of its turn is no news; failures are logged by the error policy.
fn log<E>(outcome: Result<(ObjectRef<Watched>, controller::Action), Error<E, Infallible>>)
where
    E: std::error::Error + 'static,
{
    match outcome {
        Ok((store, _)) => tracing::debug!(%store, "Reconciled."),
        Err(Error::ObjectNotFound(_) | Error::ReconcilerFailed(..)) => {}
        Err(error) => tracing::error!(%error, "The queue of reconciles failed."),
    }
}
