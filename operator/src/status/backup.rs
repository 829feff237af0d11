//! Whether a store is copied as its spec says. Pure: the time is an input, and only decides what is late.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kivi_crds::{
    BackupConditionType, ConditionType, KeyValueStoreBackup, KeyValueStoreStatus, LastBackup, LogGap,
    StoreBackupStatus, StoreNames, labels,
};
use kube::ResourceExt as _;

use super::conditions::Conditions;
use super::seen::Seen;
use crate::backup::gap;
use crate::backup::policy::{Archive, Policy, SKEW, Times};

/// How long after its time a backup may be on its way: as long as it waits for its store, and as its Job may take, and
/// some to spare.
const GRACE: SignedDuration = SignedDuration::from_mins(210);

/// The reason of what copies the store not trusting it.
const NOT_TRUSTED: &str = "CertificateNotTrusted";

/// Sets the condition, and says what the status should.
pub(super) fn set(
    policy: Option<&Policy>,
    names: &StoreNames,
    seen: &Seen,
    previous: Option<&KeyValueStoreStatus>,
    now: Timestamp,
    conditions: Conditions,
) -> (Conditions, Option<StoreBackupStatus>) {
    let Some(policy) = policy else {
        return (conditions.without(ConditionType::BackupReady), None);
    };
    let before = previous.and_then(|status| status.backup.as_ref());
    let last_successful = last_successful(seen, before, now);
    let scheduled = policy.times.as_ref().map(|times| schedule(times, seen, last_successful.as_ref(), now));
    let log_gap = policy.archive.and_then(|_| log_gap(seen, before));
    let open = log_gap
        .as_ref()
        .filter(|gap| !last_successful.as_ref().is_some_and(|last| gap::is_closed(gap, last)));
    let archived = policy.archive.as_ref().map(|of| archive(of, names, seen, open, now));
    let distrusted =
        distrusted(policy, &conditions).map(|message| Verdict { holds: false, reason: NOT_TRUSTED, message });
    let flaw = policy.flaw.as_ref().map(|flaw| Verdict {
        holds: false,
        reason: flaw.reason(),
        message: format!("spec.backup.destination.s3.caSecretRef: {flaw}."),
    });
    // What is wrong is told before what is right.
    let verdicts = [flaw, distrusted, scheduled, archived].into_iter().flatten();
    let verdict = verdicts.reduce(|first, second| if first.holds && !second.holds { second } else { first });
    let conditions = match verdict {
        Some(Verdict { holds, reason, message }) => {
            conditions.set(ConditionType::BackupReady, holds, reason, message)
        }
        None => conditions.without(ConditionType::BackupReady),
    };
    let times = policy.times;
    let status = StoreBackupStatus {
        since: times.map(|times| times.since.to_string()),
        last_schedule_time: times.and_then(|times| Some(times.last?.to_string())),
        last_successful,
        log_gap,
    };
    (conditions, Some(status))
}

/// Why what copies the store does not trust it. Of a store that cannot be built, what was told before stands: it serves as
/// it did.
fn distrusted(policy: &Policy, conditions: &Conditions) -> Option<String> {
    let told = |why| format!("What copies the store checks its certificate as any client does, and {why}.");
    let before = || {
        let before = conditions.before(ConditionType::BackupReady)?;
        (policy.copy.is_none() && before.reason == NOT_TRUSTED).then(|| before.message.clone())
    };
    policy.distrust.as_ref().map(told).or_else(before)
}

/// When to look again though nothing changes.
pub fn look_again(policy: &Policy, seen: &Seen, now: Timestamp) -> Option<Timestamp> {
    let late = policy.times.and_then(|times| times.last).map(|last| last + GRACE);
    let behind =
        policy.archive.as_ref().map(|archive| behind(archive, seen).unwrap_or(now + patience(archive)));
    let next = policy.times.and_then(|times| times.next);
    [late, behind, next].into_iter().flatten().filter(|time| *time > now).min()
}

/// One half of the condition.
struct Verdict {
    holds: bool,
    reason: &'static str,
    message: String,
}

fn schedule(times: &Times, seen: &Seen, success: Option<&LastBackup>, now: Timestamp) -> Verdict {
    let is = |holds: bool, reason: &'static str, message: String| Verdict { holds, reason, message };
    let mut made: Vec<_> = seen.backups.iter().filter_map(|backup| Some((time(backup)?, backup))).collect();
    made.retain(|(time, _)| *time <= now + SKEW);
    made.sort_by_key(|(time, _)| *time);
    let latest = times.last.and_then(|last| made.iter().rfind(|(time, _)| *time == last));
    if let Some(last) = times.last.filter(|last| now.duration_since(*last) > GRACE && times.next.is_some()) {
        match latest {
            None if success.is_none_or(|success| success.finished_at < last.to_string()) => {
                return is(
                    false,
                    "BackupMissing",
                    format!("The backup that was due at {last} is not there."),
                );
            }
            Some((_, backup)) if end(backup).is_none() => {
                let why =
                    of(backup, BackupConditionType::Complete).map_or("It is new.", |c| c.message.as_str());
                let message = format!("Backup {}, due at {last}, is not complete: {why}", backup.name_any());
                return is(false, "BackupMissing", message);
            }
            _ => {}
        }
    }
    let ended = made.iter().rev().find_map(|(_, backup)| Some((backup, end(backup)?)));
    if let Some((backup, (BackupConditionType::Failed, failure))) = ended {
        let since = failure.last_transition_time.0;
        let made_up = success.is_some_and(|success| {
            success.finished_at.parse().is_ok_and(|time: Timestamp| time > since && time <= now + SKEW)
        });
        if !made_up {
            return is(
                false,
                "BackupFailed",
                format!("Backup {} failed: {}", backup.name_any(), failure.message),
            );
        }
    }
    match success {
        Some(success) => is(true, "BackedUp", holds(success)),
        None => is(false, "NoBackupYet", "The first backup is yet to be made.".to_owned()),
    }
}

fn holds(success: &LastBackup) -> String {
    format!("Backup {} holds revision {}.", success.name, success.revision)
}

fn archive(
    archive: &Archive,
    names: &StoreNames,
    seen: &Seen,
    gap: Option<&LogGap>,
    now: Timestamp,
) -> Verdict {
    if archive.waits {
        return Verdict {
            holds: false,
            reason: "NoBackupYet",
            message: "The log is copied from the first backup on, and there is none.".to_owned(),
        };
    }
    let name = names.archive();
    let runs = |cron_job: &CronJob| cron_job.spec.as_ref().and_then(|spec| spec.suspend) != Some(true);
    if !archive.rests && !seen.archive.as_ref().is_some_and(runs) {
        return Verdict {
            holds: false,
            reason: "LogNotCopied",
            message: format!(
                "The log is not copied: CronJob {name} waits until the store's spec is in force."
            ),
        };
    }
    let late = behind(archive, seen).filter(|late| now >= *late && !archive.rests);
    let minutes = patience(archive).as_secs() / 60;
    match (late, gap) {
        (Some(_), _) => Verdict {
            holds: false,
            reason: "LogNotCopied",
            message: format!(
                "The log was not copied for {minutes} minutes; the Jobs of CronJob {name} say why."
            ),
        },
        (None, Some(gap)) => Verdict {
            holds: false,
            reason: "LogGap",
            message: format!(
                "What was written behind revision {} was compacted before it was copied: up to the backup that the copy \
                 went on from, no revision can be restored by itself. Have the log copied more often.",
                gap.behind
            ),
        },
        (None, None) => Verdict {
            holds: true,
            reason: "LogCopied",
            message: format!("The copy of the log is at most {minutes} minutes old."),
        },
    }
}

/// The last gap of the copied log. A report of it that comes again is of no other.
fn log_gap(seen: &Seen, before: Option<&StoreBackupStatus>) -> Option<LogGap> {
    let known = before.and_then(|status| status.log_gap.clone());
    let is_news = |found: &LogGap| known.as_ref().is_none_or(|known| known.behind != found.behind);
    gap::find(&seen.copying).filter(is_news).or(known.clone())
}

/// When the copy of a log is too old. Where it was never copied, that counts from the first backup.
fn behind(archive: &Archive, seen: &Seen) -> Option<Timestamp> {
    let cron_job = seen.archive.as_ref()?;
    let success = cron_job.status.as_ref().and_then(|status| status.last_successful_time.as_ref());
    let backups = seen.backups.iter().filter_map(finished_at);
    let since = success.map_or_else(|| backups.min(), |time| Some(time.0));
    since
        .or(cron_job.metadata.creation_timestamp.as_ref().map(|time| time.0))?
        .checked_add(patience(archive))
        .ok()
}

fn finished_at(backup: &KeyValueStoreBackup) -> Option<Timestamp> {
    backup.status.as_ref()?.finished_at.as_ref()?.parse().ok()
}

/// Three turns, and the time that a pod takes to come up.
fn patience(archive: &Archive) -> Duration {
    3 * archive.every + Duration::from_secs(300)
}

/// The latest backup that is complete, whoever asked for it. One whose resource is gone may still be the latest; one that
/// is dated by a clock that was ahead, only where there is no other.
fn last_successful(seen: &Seen, before: Option<&StoreBackupStatus>, now: Timestamp) -> Option<LastBackup> {
    let complete = seen.backups.iter().filter_map(|backup| {
        let status = backup.status.as_ref()?;
        let made = of(backup, BackupConditionType::Complete)?.status == "True";
        let (revision, finished_at) = (status.revision?, status.finished_at.clone()?);
        made.then(|| LastBackup { name: backup.name_any(), revision, finished_at })
    });
    let known = before.and_then(|status| status.last_successful.clone());
    let rank = |backup: &LastBackup| {
        let finished: Option<Timestamp> = backup.finished_at.parse().ok();
        (finished.is_some_and(|time| time <= now + SKEW), finished)
    };
    complete.chain(known).max_by_key(rank)
}

/// The scheduled time of a backup that the schedule made.
fn time(backup: &KeyValueStoreBackup) -> Option<Timestamp> {
    backup.annotations().get(labels::SCHEDULED_AT)?.parse().ok()
}

fn of(backup: &KeyValueStoreBackup, type_: BackupConditionType) -> Option<&Condition> {
    backup.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

/// How a backup ended.
fn end(backup: &KeyValueStoreBackup) -> Option<(BackupConditionType, &Condition)> {
    let holds = |type_| of(backup, type_).filter(|c| c.status == "True").map(|condition| (type_, condition));
    holds(BackupConditionType::Complete).or_else(|| holds(BackupConditionType::Failed))
}

#[cfg(test)]
mod tests;
