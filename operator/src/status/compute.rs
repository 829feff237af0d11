//! Status as a function of what was observed. Pure: the time is an input, and only decides the time of a
//! transition.

use jiff::Timestamp;
use kivi_crds::{ConditionType, KeyValueStoreStatus, StoreBackupStatus, StoreNames, labels};

use super::certificate;
use super::conditions::Conditions;
use super::pods::Pods;
use super::seen::Seen;
use super::storage;
use crate::backup::policy::Policy;
use crate::material::Material;
use crate::model::Store;
use crate::rollouts::Wait;
use crate::validate::ValidationError;

/// The status of a store whose children were applied.
pub fn serving(
    store: &Store,
    material: &Material,
    seen: &Seen,
    wait: Option<&Wait>,
    previous: Option<&KeyValueStoreStatus>,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let pods = Pods::of(seen, store.replicas);
    let conditions = Conditions::new(
        previous.map(|status| status.conditions.as_slice()).unwrap_or_default(),
        store.generation,
        now,
    );
    let conditions = pods.conditions(store.stopped, seen, conditions);
    let conditions = match wait {
        Some(wait) if wait.is_asked() => conditions
            .set(ConditionType::Ready, false, wait.reason(), wait.message())
            .set(ConditionType::Progressing, true, wait.reason(), wait.message()),
        Some(wait) => conditions.set(ConditionType::Progressing, true, wait.reason(), wait.message()),
        None => conditions,
    };
    let conditions = super::warnings::condition(store, conditions);
    let conditions = storage::conditions(store, seen, conditions);
    let conditions = release(store, conditions);
    let conditions = certificate::condition(store, material, now, conditions).set(
        ConditionType::ReconciliationPaused,
        false,
        "NotPaused",
        "The operator keeps the store as its spec says.",
    );
    let (conditions, backup) =
        super::backup::set(store.backup.as_ref(), &store.names, seen, previous, now, conditions);
    KeyValueStoreStatus {
        observed_generation: Some(store.generation),
        conditions: conditions.finish(),
        replicas: Some(pods.existing),
        ready_replicas: Some(pods.ready),
        selector: Some(labels::query(&store.selector())),
        log: Some("file".to_owned()),
        endpoint: Some(store.endpoint()),
        version: version(seen, previous),
        certificate: certificate::status(store, material),
        volumes: seen.volumes.clone(),
        backup,
    }
}

/// The status of a store that cannot be built. What runs goes on running, and being copied: `copies` is what is asked for
/// that, or what is wrong with it; none where what was told of it stands.
pub fn invalid(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    error: &ValidationError,
    copies: Option<&Result<Option<Policy>, ValidationError>>,
    names: &StoreNames,
    seen: &Seen,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let message = error.to_string();
    let (status, _) = running(previous, seen);
    let status =
        refused(Some(&status), generation, error.reason(), &message, error.concerns_certificate(), now);
    let conditions = Conditions::new(&status.conditions, generation, now);
    let (conditions, backup) = copied(copies, names, seen, previous, now, conditions);
    KeyValueStoreStatus { conditions: conditions.finish(), backup, ..status }
}

/// What is told of a store's copies where not all of it was applied.
fn copied(
    copies: Option<&Result<Option<Policy>, ValidationError>>,
    names: &StoreNames,
    seen: &Seen,
    previous: Option<&KeyValueStoreStatus>,
    now: Timestamp,
    conditions: Conditions,
) -> (Conditions, Option<StoreBackupStatus>) {
    let before = previous.and_then(|status| status.backup.clone());
    match copies {
        None => (conditions, before),
        // That there were copies stays known until what made them is removed.
        Some(Ok(None)) => (conditions.without(ConditionType::BackupReady), before),
        Some(Ok(policy)) => super::backup::set(policy.as_ref(), names, seen, previous, now, conditions),
        Some(Err(error)) => {
            let (reason, message) = (error.reason(), error.to_string());
            (conditions.set(ConditionType::BackupReady, false, reason, message), before)
        }
    }
}

/// The status of a store that this operator cannot even read.
pub fn malformed(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    error: &str,
    now: Timestamp,
) -> KeyValueStoreStatus {
    refused(previous, generation, "Malformed", &format!("The store cannot be read: {error}."), false, now)
}

fn refused(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    reason: &str,
    message: &str,
    certificate: bool,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let status = previous.cloned().unwrap_or_default();
    let mut conditions = Conditions::new(&status.conditions, generation, now)
        .set(ConditionType::Ready, false, reason, message)
        .set(ConditionType::Progressing, false, reason, "The operator waits for the spec or its Secrets.")
        .set(ConditionType::Degraded, true, reason, message);
    if certificate {
        conditions = conditions.set(ConditionType::CertificateReady, false, reason, message);
    }
    KeyValueStoreStatus { observed_generation: Some(generation), conditions: conditions.finish(), ..status }
}

/// The status of a store that the operator is asked to leave alone. What runs is still told.
pub fn paused(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    seen: &Seen,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let (status, pods) = running(previous, seen);
    let conditions = Conditions::new(&status.conditions, generation, now).set(
        ConditionType::ReconciliationPaused,
        true,
        "Paused",
        "spec.paused is true: the operator changes nothing.",
    );
    let conditions = pods.left_alone(seen, conditions);
    KeyValueStoreStatus { observed_generation: Some(generation), conditions: conditions.finish(), ..status }
}

/// The status of a store whose StatefulSet is about to be made anew, for volumes of another size. Its pods run on.
pub fn replacing(
    store: &Store,
    seen: &Seen,
    previous: Option<&KeyValueStoreStatus>,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let (status, _) = running(previous, seen);
    let conditions = Conditions::new(&status.conditions, store.generation, now).set(
        ConditionType::Progressing,
        true,
        "Resizing",
        "The StatefulSet is made anew; its pods run on.",
    );
    let conditions = storage::conditions(store, seen, conditions);
    KeyValueStoreStatus { conditions: conditions.finish(), ..status }
}

/// The status of a store one of whose children the API server refuses.
///
/// What runs may serve as before; that is `Ready` only where it is what this generation asks for, or
/// whoever waits for a refused spec would be told that it is in force. `copies` is what is asked for of copies; none where
/// what was told of them stands.
pub fn failed(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    message: &str,
    copies: Option<&Result<Option<Policy>, ValidationError>>,
    names: &StoreNames,
    seen: &Seen,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let (status, pods) = running(previous, seen);
    let mut conditions = Conditions::new(&status.conditions, generation, now)
        .set(ConditionType::Progressing, false, "ApplyFailed", "The operator tries again, ever later.")
        .set(ConditionType::Degraded, true, "ApplyFailed", message);
    let was_ready = super::conditions::find(&status.conditions, ConditionType::Ready)
        .is_some_and(|ready| ready.status == "True" && ready.observed_generation == Some(generation));
    if seen.stateful_set.is_none() {
        conditions = conditions.set(ConditionType::Ready, false, "ApplyFailed", message);
    } else if !(was_ready && pods.serve()) {
        conditions = conditions.set(
            ConditionType::Ready,
            false,
            "ApplyFailed",
            format!("{} of {} servers ready. {message}", pods.ready, pods.wanted),
        );
    }
    let (conditions, backup) = copied(copies, names, seen, previous, now, conditions);
    let conditions = conditions.finish();
    KeyValueStoreStatus { observed_generation: Some(generation), conditions, backup, ..status }
}

/// The previous status with what runs now, where nothing was applied.
fn running(previous: Option<&KeyValueStoreStatus>, seen: &Seen) -> (KeyValueStoreStatus, Pods) {
    let wanted = seen.stateful_set.as_ref().and_then(|set| set.spec.as_ref()?.replicas).unwrap_or_default();
    let pods = Pods::of(seen, wanted);
    let status = KeyValueStoreStatus {
        replicas: Some(pods.existing),
        ready_replicas: Some(pods.ready),
        volumes: seen.volumes.clone(),
        version: version(seen, previous),
        ..previous.cloned().unwrap_or_default()
    };
    (status, pods)
}

/// What runs: while a new version is rolled out, or cannot start, the one before.
fn version(seen: &Seen, previous: Option<&KeyValueStoreStatus>) -> Option<String> {
    Pods::version(seen).or_else(|| previous?.version.clone())
}

/// A release that left the catalog serves on, and somebody should choose another.
fn release(store: &Store, conditions: Conditions) -> Conditions {
    if store.release.offered || conditions.holds(ConditionType::Degraded) {
        return conditions;
    }
    let message = format!(
        "spec.version: {} left this operator's catalog. The store runs on with the images it has; choose a version of the catalog.",
        store.release.version
    );
    conditions.set(ConditionType::Degraded, true, "VersionNotSupported", message)
}

#[cfg(test)]
mod tests;
