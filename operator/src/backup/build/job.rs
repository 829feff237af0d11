//! The Job of a backup. It is owned by the backup and goes with it, or a while after its end.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::labels;

use super::pod;
use crate::backup::model::BackupJob;

/// How often a pod that failed is followed by another: what passes by itself passes in that time.
const RETRIES: i32 = 2;
/// Seconds that a backup may take: at 20 MB/s that is 140 GB.
pub(crate) const DEADLINE_SECONDS: i64 = 2 * 3600;
/// Seconds that a Job that ended and its pods' logs stay. By then its outcome is long in the backup's status; were no operator
/// there all that time, another Job would find the copy.
const KEPT_SECONDS: i32 = 7 * 24 * 3600;

/// The Job of a backup.
pub fn job(backup: &BackupJob) -> Job {
    let copy = &backup.copy;
    let mut more = vec![format!("--name={}", backup.name)];
    if let Some(retention) = &backup.retention {
        more.extend(retention.keep.map(|keep| format!("--keep={keep}")));
        more.extend(retention.keep_for.as_ref().map(|age| format!("--keep-for={age}")));
        if more.len() > 1 {
            // What a user asked for by hand is not the schedule's to remove.
            more.push(format!("--prune-prefix={}", labels::scheduled_prefix(&copy.source.store)));
        }
    }
    // A copy outlives its resource: one of the same name is to be told from it.
    more.push(format!("--uid={}", backup.owner.uid));
    Job {
        metadata: ObjectMeta {
            name: Some(backup.name.clone()),
            namespace: Some(copy.source.namespace.clone()),
            labels: Some(pod::labels(copy)),
            owner_references: Some(vec![backup.owner.clone()]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            backoff_limit: Some(RETRIES),
            active_deadline_seconds: Some(DEADLINE_SECONDS),
            ttl_seconds_after_finished: Some(KEPT_SECONDS),
            template: pod::template(copy, "backup", more),
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}
