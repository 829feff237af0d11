//! What a store's spec asks of backups, after validation. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, Volume};
use kivi_crds::{Destination, StoreBackupStatus};

use super::authority::NoAuthority;
use super::model::{Copy, Tools};
use super::schedule::Schedule;

/// How far the clocks of operators and nodes may be apart. What is dated later than that was dated by a clock that was
/// ahead, and must hide nothing until the others have caught up with it.
pub const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What is done for a store's copies.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// When backups are made; none where only the log is copied.
    pub times: Option<Times>,
    /// How the log is copied, where it is.
    pub archive: Option<Archive>,
    /// Why neither can be now.
    pub flaw: Option<NoAuthority>,
    /// What is copied, and where to; none of a store that cannot be built.
    pub copy: Option<Copy>,
    /// Why what copies the store will not trust it, as the end of a sentence.
    pub distrust: Option<String>,
}

/// Where a schedule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When the schedule was first seen.
    pub since: Timestamp,
    /// The scheduled time of the latest backup.
    pub last: Option<Timestamp>,
    /// The time for which a backup is to be made now; it is `last` then.
    pub due: Option<Timestamp>,
    /// The next time, unless the schedule rests.
    pub next: Option<Timestamp>,
}

impl Times {
    /// Where a schedule stands that got as far as an earlier status says. While it rests nothing is due.
    pub fn of(schedule: &Schedule, before: Option<&StoreBackupStatus>, rests: bool, now: Timestamp) -> Self {
        // Status is written in whole seconds.
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let is_past = |time: &Timestamp| *time <= now + SKEW;
        let read = |text: Option<&String>| text.and_then(|text| text.parse().ok()).filter(is_past);
        let since: Timestamp = read(before.and_then(|status| status.since.as_ref())).unwrap_or(now);
        let last: Option<Timestamp> = read(before.and_then(|status| status.last_schedule_time.as_ref()));
        let from = last.unwrap_or(since);
        let due = if rests { None } else { schedule.due(from, now) };
        let next = if rests { None } else { schedule.next(due.unwrap_or(from)) };
        Self { since, last: due.or(last), due, next }
    }
}

/// How a store's log is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// Time between two copies: a whole number of minutes that divides an hour.
    pub every: Duration,
    /// Whether it rests: a stopped store has nobody to ask.
    pub rests: bool,
    /// Whether it waits for a first backup: without one, a copied log is of no use.
    pub waits: bool,
}

/// How a store's volume is filled before its first start.
#[derive(Debug, Clone, PartialEq)]
pub enum Restore {
    /// As the spec says.
    From {
        /// Where the backup is.
        destination: Box<Destination>,
        /// Its name there, or `latest`.
        backup: String,
        /// How far the copied log is read besides.
        at_revision: Option<String>,
        /// What restores.
        tools: Tools,
    },
    /// As the pods were made: neither another release of the operator nor a backup that is gone since changes a pod
    /// whose volume is long filled.
    AsMade {
        /// The container.
        container: Box<Container>,
        /// The volumes that it reads from.
        volumes: Vec<Volume>,
        /// Where the volume is filled for certain: the hash of the pod template that mounts the claim of the backup still.
        /// Any other template leaves it out.
        mounted_by: Option<String>,
    },
}

impl Restore {
    /// What takes its place in a template of this hash, where that is not the one whose pods run.
    pub fn in_place(&self, template: &str) -> Option<Self> {
        match self {
            Self::AsMade { container, volumes, mounted_by: Some(running) } if running != template => {
                let container = container.clone();
                Some(Self::AsMade { container, volumes: without_claims(volumes), mounted_by: None })
            }
            Self::AsMade { .. } | Self::From { .. } => None,
        }
    }
}

/// What a pod can be started without. A claim is all that it cannot: Secrets are optional, each of them.
pub fn without_claims(volumes: &[Volume]) -> Vec<Volume> {
    volumes.iter().filter(|volume| volume.persistent_volume_claim.is_none()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_schedule_goes_on_from_where_the_status_says() {
        let schedule = Schedule::parse("0 2 * * *", None).unwrap();
        // Seen for the first time: nothing was missed.
        let first = Times::of(&schedule, None, false, at("2026-11-22T10:00:00.5Z"));
        assert_eq!((first.since, first.due), (at("2026-11-22T10:00:00Z"), None));
        assert_eq!(first.next, Some(at("2026-11-23T02:00:00Z")));
        let status = |last: &str| StoreBackupStatus {
            since: Some("2026-11-22T10:00:00Z".to_owned()),
            last_schedule_time: (!last.is_empty()).then(|| last.to_owned()),
            ..StoreBackupStatus::default()
        };
        // Three days away: one is made up for.
        let away = Times::of(&schedule, Some(&status("")), false, at("2026-11-25T10:00:00Z"));
        assert_eq!((away.due, away.last), (Some(at("2026-11-25T02:00:00Z")), away.due));
        assert_eq!(away.next, Some(at("2026-11-26T02:00:00Z")));
        // Again, as the status says then: never two for one time.
        let again =
            Times::of(&schedule, Some(&status("2026-11-25T02:00:00Z")), false, at("2026-11-25T10:00:01Z"));
        assert_eq!((again.due, again.last, again.next), (None, away.due, away.next));
        let rests = Times::of(&schedule, Some(&status("")), true, at("2026-11-25T10:00:00Z"));
        assert_eq!((rests.due, rests.last, rests.next), (None, None, None));
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_silence_a_schedule_until_the_others_have_caught_up() {
        let schedule = Schedule::parse("0 2 * * *", None).unwrap();
        let times = |since: &str, last: &str, now: &str| {
            let status = StoreBackupStatus {
                since: Some(since.to_owned()),
                last_schedule_time: (!last.is_empty()).then(|| last.to_owned()),
                ..StoreBackupStatus::default()
            };
            Times::of(&schedule, Some(&status), false, at(now))
        };
        let ahead = times("2026-11-22T10:00:00Z", "2027-11-25T02:00:00Z", "2026-11-26T10:00:00Z");
        assert_eq!((ahead.due, ahead.last), (Some(at("2026-11-26T02:00:00Z")), ahead.due));
        assert_eq!(ahead.next, Some(at("2026-11-27T02:00:00Z")));
        let new = times("2027-11-22T10:00:00Z", "", "2026-11-26T10:00:00Z");
        assert_eq!((new.since, new.due, new.next), (at("2026-11-26T10:00:00Z"), None, ahead.next));
        // Clocks always differ a little: what another operator made a moment ago is made.
        let near = times("2026-11-22T10:00:00Z", "2026-11-26T02:00:00Z", "2026-11-26T01:59:30Z");
        assert_eq!((near.due, near.last), (None, Some(at("2026-11-26T02:00:00Z"))));
    }
}
