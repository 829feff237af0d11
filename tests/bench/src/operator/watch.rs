//! Waiting until the cluster is as it should be, by watches.

use std::{collections::HashSet, fmt::Debug, pin::pin, time::Duration};

use futures::StreamExt as _;
use kube::{
    Resource, ResourceExt as _,
    api::{Api, ApiResource, DynamicObject},
};
use kube_runtime::{WatchStreamExt as _, watcher};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure;
use crate::{error::BenchError, interrupt};

/// The longest that anything takes.
const DEADLINE: Duration = Duration::from_secs(1800);
/// How often an interrupt is looked for.
const TICK: Duration = Duration::from_millis(200);

/// Waits until as many objects are as `is_so` says.
pub(super) async fn until<K>(
    api: Api<K>,
    selector: &str,
    count: usize,
    is_so: impl Fn(&K) -> bool,
) -> Result<(), BenchError>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let action = "wait for the cluster";
    let config = watcher::Config::default().labels(selector);
    let mut changes = pin!(watcher(api, config).applied_objects().default_backoff());
    let mut so = HashSet::new();
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while so.len() < count {
        interrupt::check()?;
        if tokio::time::Instant::now() > deadline {
            let message = format!("{} of {count} objects are ready after {} s", so.len(), DEADLINE.as_secs());
            return Err(failure(action)(message));
        }
        let Ok(change) = tokio::time::timeout(TICK, changes.next()).await else { continue };
        // A watch that is interrupted is taken up again.
        let Some(Ok(object)) = change else { continue };
        let name = (object.namespace(), object.name_any());
        if is_so(&object) {
            so.insert(name)
        } else {
            so.remove(&name)
        };
    }
    Ok(())
}

/// Objects of a kind that the bench knows by their JSON.
pub(super) fn untyped(
    client: kube::Client,
    group_kind: (&str, &str),
    namespace: Option<&str>,
) -> Api<DynamicObject> {
    let (group, kind) = group_kind;
    let version = if group == "kivi.dev" { "v1alpha1" } else { "v1" };
    let kind = ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(group, version, kind));
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &kind),
        None => Api::all_with(client, &kind),
    }
}

/// Whether a store is Ready as its last spec says.
pub(super) fn store_is_ready(store: &DynamicObject) -> bool {
    let status = &store.data["status"];
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    status["observedGeneration"].as_i64() == store.metadata.generation
        && status["conditions"].as_array().is_some_and(|conditions| conditions.iter().any(ready))
}

/// Whether a StatefulSet of one pod is ready.
pub(super) fn set_is_ready(set: &DynamicObject) -> bool {
    set.data["status"]["readyReplicas"] == 1
}
