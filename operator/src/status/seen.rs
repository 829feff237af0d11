//! What of a store is in the cluster: its pods, its volumes, and what their controllers complain of.
//!
//! Reads only. What it means is for `compute` and `trouble` to say.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::{KeyValueStoreBackup, StoreNames, VolumeStatus, labels};
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::{StatusError, claims};

/// What of a store is in the cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Its StatefulSet.
    pub stateful_set: Option<StatefulSet>,
    /// Its pods.
    pub pods: Vec<Pod>,
    /// Its volumes.
    pub volumes: Vec<VolumeStatus>,
    /// The StorageClass that each claim without a volume was made for, by the claim's name.
    pub pending_classes: BTreeMap<String, String>,
    /// Why a volume does not get the size that it was asked to get.
    pub resize_error: Option<String>,
    /// What keeps a volume or a pod from being made.
    pub complaint: Option<Complaint>,
    /// When to look again for that, while one is missing: no watch tells.
    pub look_again: Option<Timestamp>,
    /// Its backups, where it has `spec.backup`.
    pub backups: Vec<KeyValueStoreBackup>,
    /// The CronJob that copies its log.
    pub archive: Option<CronJob>,
    /// The pods that do.
    pub copying: Vec<Pod>,
}

/// What a controller says of an object that it cannot make. Only its events tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The volume claim that gets no volume; none where it is a pod that cannot be made.
    pub claim: Option<String>,
    /// The controller's words.
    pub note: String,
}

impl Seen {
    fn lacks_pods(&self) -> bool {
        let wanted = self.stateful_set.as_ref().and_then(|set| set.spec.as_ref()?.replicas);
        self.pods.is_empty() && wanted.unwrap_or_default() > 0
    }

    /// What is there, and has something missing that only its events explain.
    fn silent(&self, claims: &[PersistentVolumeClaim]) -> Vec<Silent> {
        let pending = claims.iter().find(|claim| claims::is_pending(claim));
        // A claim may wait for a pod that cannot be made, so the pods are asked after too.
        let podless = self.stateful_set.as_ref().filter(|_| self.lacks_pods());
        let silent = [
            pending.map(|claim| (Some(claim.name_any()), &claim.metadata)),
            podless.map(|set| (None, &set.metadata)),
        ];
        let silent = silent.into_iter().flatten();
        silent.filter_map(|(claim, metadata)| Silent::of(claim, metadata)).collect()
    }
}

/// An object whose volume or pods are not there.
struct Silent {
    claim: Option<String>,
    uid: String,
    /// When that is worth a question.
    from: Timestamp,
}

impl Silent {
    fn of(claim: Option<String>, metadata: &ObjectMeta) -> Option<Self> {
        /// How long a volume or a pod may take to be made: nearly all are there by then, and for each answer the API
        /// server reads all events of a namespace.
        const PATIENCE: SignedDuration = SignedDuration::from_secs(5);
        let made = metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        Some(Self { claim, uid: metadata.uid.clone()?, from: made + PATIENCE })
    }
}

/// Looks at what there is of a store, besides its StatefulSet and these claims of its log volumes.
///
/// # Errors
/// When the API server does not answer.
pub async fn look(
    client: &Client,
    namespace: &str,
    names: &StoreNames,
    stateful_set: Option<StatefulSet>,
    claims: &[PersistentVolumeClaim],
    now: Timestamp,
) -> Result<Seen, StatusError> {
    /// Between two looks at the events of what is missing.
    const EVENTS: SignedDuration = SignedDuration::from_secs(10);
    let own = ListParams::default().labels(&labels::query(&labels::selector(names.store())));
    let mut seen = Seen {
        stateful_set,
        pods: list(client, namespace, &own).await?,
        volumes: claims::volumes(names, claims),
        pending_classes: claims::pending_classes(claims),
        resize_error: claims::resize_error(claims),
        ..Seen::default()
    };
    let silent = seen.silent(claims);
    seen.look_again =
        silent.iter().map(|silent| if now < silent.from { silent.from } else { now + EVENTS }).min();
    for Silent { claim, uid, .. } in silent.into_iter().filter(|silent| silent.from <= now) {
        let regarding = ListParams::default().fields(&format!("regarding.uid={uid}"));
        let events = list(client, namespace, &regarding).await?;
        if let Some(note) = complaint(&events) {
            seen.complaint = Some(Complaint { claim, note });
            break;
        }
    }
    Ok(seen)
}

async fn list<K>(client: &Client, namespace: &str, params: &ListParams) -> Result<Vec<K>, StatusError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    match Api::<K>::namespaced(client.clone(), namespace).list(params).await {
        Ok(found) => Ok(found.items),
        Err(source) => Err(StatusError::List { kind: K::kind(&()).into_owned(), source }),
    }
}

/// The latest event, if it is a failure: one that was followed by a success is over.
fn complaint(events: &[Event]) -> Option<String> {
    const FAILURES: [&str; 3] = ["FailedCreate", "ProvisioningFailed", "FailedBinding"];
    let latest = events.iter().max_by_key(|event| time(event))?;
    let failed = latest.reason.as_deref().is_some_and(|reason| FAILURES.contains(&reason));
    latest.note.clone().filter(|_| failed)
}

/// When an event was seen last. Controllers of two generations write it into different fields.
fn time(event: &Event) -> Option<Timestamp> {
    let repeated = event.series.as_ref().map(|series| series.last_observed_time.0);
    let old = event.deprecated_last_timestamp.as_ref().map(|time| time.0);
    let first = event.event_time.as_ref().map(|time| time.0);
    repeated.max(old).max(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(reason: &str, field: &str, time: &str) -> Event {
        let value = match field {
            "series" => format!("{{count: 2, lastObservedTime: '{time}'}}"),
            _ => format!("'{time}'"),
        };
        let yaml = format!("{{metadata: {{}}, reason: {reason}, note: of {reason}, {field}: {value}}}");
        serde_yaml::from_str(&yaml).unwrap()
    }

    #[test]
    fn only_a_failure_that_nothing_followed_is_a_complaint() {
        let failed = event("FailedCreate", "deprecatedLastTimestamp", "2026-11-22T10:00:05Z");
        let made = event("SuccessfulCreate", "eventTime", "2026-11-22T10:00:06.000000Z");
        let again = event("FailedCreate", "series", "2026-11-22T10:00:07.000000Z");
        assert_eq!(complaint(&[]), None);
        assert_eq!(complaint(std::slice::from_ref(&failed)).as_deref(), Some("of FailedCreate"));
        assert_eq!(complaint(&[made.clone(), failed.clone()]), None);
        assert_eq!(complaint(&[again, made, failed]).as_deref(), Some("of FailedCreate"));
    }
}
