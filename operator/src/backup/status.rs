//! Step 5: a backup's status as a function of what was observed, and the one write of it. As a Job's: of `Complete` and
//! `Failed` one comes true, and then nothing changes any more.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kivi_crds::{BackupConditionType, Destination, KeyValueStoreBackup, KeyValueStoreBackupStatus};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use serde_json::json;

use super::report::Report;
use crate::field_manager::FIELD_MANAGER;
use crate::status::StatusError;
use crate::status::conditions::condition;

/// Whether nothing will change any more.
pub(super) fn is_finished(backup: &KeyValueStoreBackup) -> bool {
    holds(backup, BackupConditionType::Complete) || holds(backup, BackupConditionType::Failed)
}

/// Whether a condition is true.
pub(super) fn holds(backup: &KeyValueStoreBackup, type_: BackupConditionType) -> bool {
    let conditions = backup.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|c| c.type_ == type_.as_str() && c.status == "True")
}

/// The status of a backup that is on its way, and why it is not there yet.
pub(super) fn pending(
    backup: &KeyValueStoreBackup,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> KeyValueStoreBackupStatus {
    set(backup, false, false, (reason, message), now)
}

/// The status of a backup whose Job is to be made: it says where the copy will be. One that says so already stays as it
/// is, as the Job may have been refused.
pub(super) fn placed(
    backup: &KeyValueStoreBackup,
    destination: &Destination,
    now: Timestamp,
) -> KeyValueStoreBackupStatus {
    match &backup.status {
        Some(status) if status.destination.as_ref() == Some(destination) => status.clone(),
        _ => {
            let status = pending(backup, "Running", RUNNING, now);
            KeyValueStoreBackupStatus { destination: Some(destination.clone()), ..status }
        }
    }
}

/// What is said of a Job that nothing keeps from its work.
pub(super) const RUNNING: &str = "The Job copies the store.";

/// The status of a backup that will not be made.
pub(super) fn failed(
    backup: &KeyValueStoreBackup,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> KeyValueStoreBackupStatus {
    set(backup, false, true, (reason, message), now)
}

/// The status of a backup that is made.
pub(super) fn complete(
    backup: &KeyValueStoreBackup,
    report: &Report,
    now: Timestamp,
) -> KeyValueStoreBackupStatus {
    let holds = format!("It holds {} keys at revision {}.", report.keys, report.revision);
    let message = [holds].into_iter().chain(not_pruned(report)).collect::<Vec<_>>().join(" ");
    let status = set(backup, true, false, ("Succeeded", &message), now);
    KeyValueStoreBackupStatus {
        location: Some(report.location.clone()),
        revision: Some(report.revision),
        keys: Some(report.keys),
        bytes: Some(report.bytes),
        sha256: Some(report.sha256.clone()),
        state_hash: Some(report.state_hash.clone()),
        store_id: Some(report.store_id.clone()),
        started_at: Some(report.started_at.clone()),
        finished_at: Some(report.finished_at.clone()),
        ..status
    }
}

/// What is to be said of a retention that was not kept to.
pub(super) fn not_pruned(report: &Report) -> Option<String> {
    let why = report.not_pruned.as_deref()?.trim_end_matches('.');
    Some(format!("Not all was removed that retention asks for: {why}."))
}

fn set(
    backup: &KeyValueStoreBackup,
    complete: bool,
    failed: bool,
    (reason, message): (&str, &str),
    now: Timestamp,
) -> KeyValueStoreBackupStatus {
    use BackupConditionType::{Complete, Failed};
    let generation = backup.metadata.generation.unwrap_or_default();
    let status = backup.status.clone().unwrap_or_default();
    let conditions: Vec<Condition> = [(Complete, complete), (Failed, failed)]
        .map(|(type_, holds)| {
            condition(&status.conditions, type_.as_str(), holds, reason, message.to_owned(), generation, now)
        })
        .into();
    KeyValueStoreBackupStatus { observed_generation: Some(generation), conditions, ..status }
}

/// Writes a status if it differs from the one that is there; says whether it did.
pub(super) async fn write(
    client: &Client,
    namespace: &str,
    backup: &KeyValueStoreBackup,
    next: &KeyValueStoreBackupStatus,
) -> Result<bool, StatusError> {
    if backup.status.as_ref() == Some(next) {
        return Ok(false);
    }
    let name = backup.name_any();
    let status = json!({
        "apiVersion": KeyValueStoreBackup::api_version(&()),
        "kind": KeyValueStoreBackup::kind(&()),
        // One that was made anew in its place is not meant.
        "metadata": {"name": name, "uid": backup.uid()},
        "status": next,
    });
    // Without its type: what comes back is of no interest.
    let kind = ApiResource::erase::<KeyValueStoreBackup>(&());
    Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind)
        .patch_status(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&status))
        .await
        .map(|_| true)
        .map_err(|source| StatusError::Write { store: name, source })
}
