//! One reconcile of a backup: the steps in order. Idempotent; it does not ask why it runs.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kivi_crds::{BackupConditionType, Destination, KeyValueStoreBackup, KeyValueStoreBackupStatus, labels};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client, Resource as _, ResourceExt};
use kube_runtime::controller::Action;
use kube_runtime::events::Recorder;
use kube_runtime::reflector::{ObjectRef, Store};
use thiserror::Error;

use super::known::Watched;
use super::model::Tools;
use super::outcome::{self, Outcome};
use super::report::Report;
use super::validate::Refusal;
use super::{build, dereference, status, validate};
use crate::answer::{Said, is_absent, is_conflict, is_refusal};
use crate::dereference::DereferenceError;
use crate::events;
use crate::field_manager::FIELD_MANAGER;
use crate::metrics::{BackupResult, Metrics};
use crate::status::{Change, StatusError};

/// How long a backup waits for its store, and for what else may pass by itself.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);
/// Between two looks at what a backup waits for.
const LOOK: Duration = Duration::from_secs(10);

/// What a reconcile needs besides the backup.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// What copies.
    pub tools: Tools,
    /// Publishes events; shared, because it folds repeats.
    pub recorder: Recorder,
    /// What is counted.
    pub metrics: Metrics,
    /// Every backup, by its watch.
    pub backups: Store<Watched>,
}

impl Context {
    /// What the reconciles of backups share with those of stores; `backups` is what this term's watch keeps.
    pub fn new(of_stores: &crate::reconcile::Context, backups: Store<Watched>) -> Self {
        Self {
            client: of_stores.client.clone(),
            tools: of_stores.copies.tools.clone(),
            recorder: of_stores.recorder.clone(),
            metrics: of_stores.metrics.clone(),
            backups,
        }
    }
}

/// Why a reconcile ended early.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The backup cannot be read by this release.
    #[error("the backup is malformed: {0}")]
    Malformed(String),
    /// Step 1.
    #[error(transparent)]
    Dereference(#[from] DereferenceError),
    /// The Job could not be made.
    #[error("cannot create Job {name}: {}", Said(source))]
    Start {
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// The resource of a backup that is gone from its destination could not be removed.
    #[error("cannot delete KeyValueStoreBackup {name}: {}", Said(source))]
    Prune {
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// Step 5.
    #[error(transparent)]
    Status(#[from] StatusError),
}

/// Brings one backup to its end, and its status with it.
///
/// # Errors
/// The step that failed.
pub async fn reconcile(backup: Arc<Watched>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    match &backup.0 {
        Ok(backup) => Box::pin(steps(backup, &context)).await,
        Err(error) => Err(ReconcileError::Malformed(error.to_string())),
    }
}

async fn steps(backup: &KeyValueStoreBackup, context: &Context) -> Result<Action, ReconcileError> {
    let leaves = backup.metadata.deletion_timestamp.is_some();
    let Some(namespace) = backup.namespace().filter(|_| !leaves && !status::is_finished(backup)) else {
        return Ok(Action::await_change());
    };
    let now = Timestamp::now();
    let ahead = ahead(backup, &context.backups);
    let found = dereference::dereference(&context.client, &namespace, backup, ahead).await?;
    if let Some(job) = &found.job {
        let own = job.owner_references().iter().any(|owner| Some(&owner.uid) == backup.metadata.uid.as_ref());
        if own {
            return follow(backup, context, outcome::of(job, &found.pods), now).await;
        }
        let name = backup.name_any();
        let refusal =
            if is_an_earlier_ones(job, &name) { Refusal::JobLeaving(name) } else { Refusal::NameTaken(name) };
        return refuse(backup, context, &refusal, now).await;
    }
    let valid = match validate::validate(backup, &found, &context.tools) {
        Ok(valid) => valid,
        Err(refusal) => return refuse(backup, context, &refusal, now).await,
    };
    // Before there is a Job: where a copy is that is made then is known whatever is lost, so that it can be restored.
    let placed = status::placed(backup, &valid.copy.destination, now);
    tell(backup, context, &placed, None).await?;
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), &namespace);
    match jobs.create(&params, &build::job(&valid)).await {
        // One that is there already was made by a reconcile whose end was lost; the next one follows it.
        Err(source) if !is_conflict(&source) => {
            if is_refusal(&source) {
                let message = Said(&source).to_string();
                let placed = KeyValueStoreBackup { status: Some(placed), ..backup.clone() };
                let next = status::pending(&placed, "JobRefused", &message, now);
                tell(&placed, context, &next, None).await?;
            }
            Err(ReconcileError::Start { name: valid.name, source })
        }
        _ => Ok(Action::requeue(LOOK)),
    }
}

/// Whether a Job is on its way out, or an earlier backup's of this name: that one is gone, and the garbage collector follows.
fn is_an_earlier_ones(job: &Job, name: &str) -> bool {
    let of_backup = |owner: &OwnerReference| {
        owner.kind == KeyValueStoreBackup::kind(&())
            && owner.api_version == KeyValueStoreBackup::api_version(&())
            && owner.name == name
    };
    job.metadata.deletion_timestamp.is_some() || job.owner_references().iter().any(of_backup)
}

/// The backup of the same store that goes first: one that runs, else the oldest that waits.
fn ahead(backup: &KeyValueStoreBackup, backups: &Store<Watched>) -> Option<String> {
    let rank = |backup: &KeyValueStoreBackup| {
        let runs = backup.status.as_ref().is_some_and(|status| status.destination.is_some());
        (!runs, backup.metadata.creation_timestamp.as_ref().map(|time| time.0), backup.name_any())
    };
    let rivals = backups.state_filter(|other| {
        other.0.as_ref().is_ok_and(|other| {
            other.metadata.namespace == backup.metadata.namespace
                && other.spec.store_ref == backup.spec.store_ref
                && other.metadata.deletion_timestamp.is_none()
                && !status::is_finished(other)
                && rank(other) < rank(backup)
        })
    });
    let first = rivals.iter().filter_map(|other| other.0.as_ref().ok()).min_by_key(|other| rank(other));
    first.map(ResourceExt::name_any)
}

/// Tells how far a Job is, and once it is at its end, what came of it.
async fn follow(
    backup: &KeyValueStoreBackup,
    context: &Context,
    outcome: Outcome,
    now: Timestamp,
) -> Result<Action, ReconcileError> {
    match outcome {
        Outcome::Running(trouble) => {
            let (reason, message) = trouble
                .map_or(("Running", status::RUNNING.to_owned()), |trouble| (trouble.reason, trouble.message));
            tell(backup, context, &status::pending(backup, reason, &message, now), None).await?;
            Ok(Action::requeue(LOOK))
        }
        Outcome::Made(report) => {
            prune(backup, context, &report).await?;
            let next = status::complete(backup, &report, now);
            let written = tell(backup, context, &next, Some(BackupResult::Succeeded)).await?;
            if let Some(note) = status::not_pruned(&report).filter(|_| written) {
                let change = Change { warning: true, reason: "RetentionFailed".to_owned(), note };
                events::publish(&context.recorder, &backup.object_ref(&()), vec![change]).await;
            }
            Ok(Action::await_change())
        }
        Outcome::Failed(why) => {
            let message = format!("{}.", why.trim_end_matches('.'));
            let next = status::failed(backup, "JobFailed", &message, now);
            tell(backup, context, &next, Some(BackupResult::Failed)).await?;
            Ok(Action::await_change())
        }
    }
}

/// Tells what a backup waits for; after a while, that it will not be made.
async fn refuse(
    backup: &KeyValueStoreBackup,
    context: &Context,
    refusal: &Refusal,
    now: Timestamp,
) -> Result<Action, ReconcileError> {
    let message = refusal.to_string();
    let created = backup.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    // A backup that others keep waiting is not late: each of them has its own deadline.
    let queued = matches!(refusal, Refusal::Queued(_));
    if refusal.waits() && (queued || now.duration_since(created) < PATIENCE) {
        tell(backup, context, &status::pending(backup, refusal.reason(), &message, now), None).await?;
        return Ok(Action::requeue(LOOK));
    }
    let next = status::failed(backup, refusal.reason(), &message, now);
    tell(backup, context, &next, Some(BackupResult::Failed)).await?;
    Ok(Action::await_change())
}

/// Removes the resources of backups that are gone from their destination, where the schedule made them, and of those that
/// failed before this one; a user's own are a user's to remove.
async fn prune(
    backup: &KeyValueStoreBackup,
    context: &Context,
    report: &Report,
) -> Result<(), ReconcileError> {
    let namespace = backup.namespace().unwrap_or_default();
    let api: Api<KeyValueStoreBackup> = Api::namespaced(context.client.clone(), &namespace);
    for name in outlived(backup, &context.backups, report) {
        tracing::info!(backup = name, "Removing a backup of which there is no copy any more, or never was.");
        match api.delete(&name, &DeleteParams::background()).await {
            Err(source) if !is_absent(&source) => {
                return Err(ReconcileError::Prune { name, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The scheduled backups of the same store whose copies are gone by a report, or that failed before this one was due.
fn outlived(backup: &KeyValueStoreBackup, backups: &Store<Watched>, report: &Report) -> Vec<String> {
    let due = |backup: &KeyValueStoreBackup| -> Option<Timestamp> {
        backup.annotations().get(labels::SCHEDULED_AT)?.parse().ok()
    };
    let place =
        |backup: &KeyValueStoreBackup| -> Option<Destination> { backup.status.as_ref()?.destination.clone() };
    let found = backups.state_filter(|other| {
        other.0.as_ref().is_ok_and(|other| {
            let is = |end| status::holds(other, end);
            let failed = || is(BackupConditionType::Failed) && due(other) < due(backup);
            // A report names as many as fit. Where the destination was another, the copy is there still.
            let older = || report.oldest_kept.as_ref().is_some_and(|oldest| other.name_any() < *oldest);
            let gone = || is(BackupConditionType::Complete) && older() && place(other) == place(backup);
            other.metadata.namespace == backup.metadata.namespace
                && other.spec.store_ref == backup.spec.store_ref
                && due(other).is_some()
                && (report.pruned.contains(&other.name_any()) || failed() || gone())
        })
    });
    found.iter().filter_map(|other| Some(other.0.as_ref().ok()?.name_any())).collect()
}

/// Writes a status that changed, and says whether it did; an end is published and counted, once.
async fn tell(
    backup: &KeyValueStoreBackup,
    context: &Context,
    next: &KeyValueStoreBackupStatus,
    end: Option<BackupResult>,
) -> Result<bool, StatusError> {
    let namespace = backup.namespace().unwrap_or_default();
    let written = status::write(&context.client, &namespace, backup, next).await?;
    if let Some(result) = end.filter(|_| written) {
        context.metrics.backed_up(result);
        let message = next.conditions.first().map(|condition| condition.message.clone()).unwrap_or_default();
        let (warning, reason) = match result {
            BackupResult::Succeeded => (false, "BackedUp"),
            BackupResult::Failed => (true, "BackupFailed"),
        };
        let change = Change { warning, reason: reason.to_owned(), note: message };
        events::publish(&context.recorder, &backup.object_ref(&()), vec![change]).await;
    }
    Ok(written)
}

/// When to try again what failed.
// The signature is the controller's.
#[allow(clippy::needless_pass_by_value)]
pub fn error_policy(backup: Arc<Watched>, error: &ReconcileError, _: Arc<Context>) -> Action {
    let object = ObjectRef::from_obj(backup.as_ref());
    if matches!(error, ReconcileError::Malformed(_)) {
        tracing::warn!(backup = %object, %error, "A backup cannot be read.");
        return Action::await_change();
    }
    tracing::warn!(backup = %object, %error, "A backup's reconcile failed and will be tried again.");
    Action::requeue(LOOK)
}

#[cfg(test)]
pub(crate) mod tests;
