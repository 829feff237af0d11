//! How soon the operator does what an edit of a store asks for.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Service;
use kube::{
    ResourceExt as _,
    api::{Api, PartialObjectMeta, Patch, PatchParams},
};
use kube_runtime::watcher::{self, Event};
use serde_json::json;

use super::{api::Server, failure, room::place, watch::untyped};
use crate::{error::BenchError, interrupt};

/// What an edit changes: an annotation that the store's Service is to have.
const ANNOTATION: &str = "kivi.dev/bench-edit";
/// The longest that one reaction takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// The times from the request that edits a store to the change of its Service, as a watch shows it; one edit after the
/// other, each of another store, shortest first.
pub(super) async fn reactions(
    server: &Server,
    stores: usize,
    edits: usize,
) -> Result<Vec<Duration>, BenchError> {
    let action = "watch the Services";
    let config = watcher::Config::default().labels("app.kubernetes.io/managed-by=kivi-operator");
    let services = Api::<PartialObjectMeta<Service>>::all(server.client.clone());
    let mut changes = pin!(watcher::watcher(services, config));
    while !matches!(changes.next().await.transpose().map_err(failure(action))?, Some(Event::InitDone) | None)
    {
    }
    let mut took = Vec::new();
    for edit in 0..edits {
        interrupt::check()?;
        // Steps of a number that divides no round count of stores: neighbours in a namespace are apart.
        let (namespace, name) = place(edit * 7 % stores);
        let value = format!("{}-{edit}", std::process::id());
        let patch = json!({"spec": {"service": {"annotations": {ANNOTATION: value}}}});
        let store = untyped(server.client.clone(), ("kivi.dev", "KeyValueStore"), Some(&namespace));
        let began = Instant::now();
        let edited = store.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
        edited.map_err(failure(format!("edit store {name}")))?;
        let seen = async {
            loop {
                match changes.next().await.transpose().map_err(failure(action))? {
                    Some(Event::Apply(service))
                        if service.name_any() == name
                            && service.annotations().get(ANNOTATION) == Some(&value) =>
                    {
                        return Ok(());
                    }
                    Some(_) => {}
                    None => return Err(failure(action)("the watch ended")),
                }
            }
        };
        let late = failure(format!("see the reaction to an edit of {name}"));
        tokio::time::timeout(DEADLINE, seen).await.map_err(late)??;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took)
}

/// The time within which so many per cent of them were: the nearest rank.
pub(super) fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_of_the_nearest_rank() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(quantile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(quantile(&sorted[..1], 99), Duration::from_millis(1));
    }
}
