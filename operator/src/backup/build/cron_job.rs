//! The CronJob that copies a store's log, piece by piece.
//!
//! A CronJob and not a pod that stays: its status says when a copy last succeeded, a piece that hangs ends by its
//! deadline, and between two pieces a store costs nothing.

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec};

use super::pod;
use crate::backup::policy::Archive;
use crate::build::metadata;
use crate::model::Store;

/// Seconds that one copy may take.
const DEADLINE_SECONDS: i64 = 1800;

/// The CronJob of a store whose log is copied.
pub fn cron_job(store: &Store) -> Option<CronJob> {
    let policy = store.backup.as_ref()?;
    let (archive, copy) = (policy.archive.as_ref()?, policy.copy.as_ref()?);
    let mut metadata = metadata::child(store, store.names.archive());
    metadata.labels = Some(pod::labels(copy));
    Some(CronJob {
        metadata,
        spec: Some(CronJobSpec {
            schedule: schedule(archive, &format!("{}/{}", store.namespace, store.names.store())),
            // One at a time: two would copy the same.
            concurrency_policy: Some("Forbid".to_owned()),
            suspend: Some(archive.rests || archive.waits),
            successful_jobs_history_limit: Some(1),
            failed_jobs_history_limit: Some(1),
            job_template: JobTemplateSpec {
                spec: Some(JobSpec {
                    // The next one is a retry.
                    backoff_limit: Some(0),
                    active_deadline_seconds: Some(DEADLINE_SECONDS),
                    template: pod::template(copy, "archive", vec!["--once".to_owned()]),
                    ..JobSpec::default()
                }),
                ..JobTemplateSpec::default()
            },
            ..CronJobSpec::default()
        }),
        ..CronJob::default()
    })
}

/// Every so many minutes, from a minute of the store's own on: a thousand stores do not copy in the same one.
fn schedule(archive: &Archive, store: &str) -> String {
    let minutes = (archive.every.as_secs() / 60).clamp(1, 60);
    let first =
        store.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % minutes;
    match minutes {
        1 => "* * * * *".to_owned(),
        60 => format!("{first} * * * *"),
        _ => format!("{first}-59/{minutes} * * * *"),
    }
}
