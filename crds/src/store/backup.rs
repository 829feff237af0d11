//! `spec.backup`: when the store is copied, where to, and for how long copies are kept.

use std::time::Duration;

use kivi_settings::{DurationString, Resources, of_durations};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Destination;

/// When the store is copied, where to, and for how long copies are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.schedule) || has(self.destination)", "message": "schedule needs destination"},
    {"rule": "!has(self.timeZone) || has(self.schedule)", "message": "timeZone needs schedule"},
    {"rule": "!has(self.pointInTime) || has(self.destination)", "message": "pointInTime needs destination"}
]))]
pub struct Backup {
    /// When a backup is made: minute, hour, day of the month, month, day of the week, as in cron; at most 128 characters.
    /// Unset: only when a KeyValueStoreBackup asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 128), regex(pattern = r"^[^\s]+( [^\s]+){4}$"))]
    pub schedule: Option<String>,
    /// Time zone of the schedule, as in `Europe/Berlin`; at most 64 characters. A time that the clocks skip comes as much
    /// later, one that they repeat is taken once. Default UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z0-9_+/-]+$"))]
    pub time_zone: Option<String>,
    /// Whether the schedule rests; a time that it missed is made up for once. Default false.
    pub suspend: bool,
    /// Which of the scheduled backups are kept. Default: all.
    pub retention: BackupRetention,
    /// Where backups are: exactly one of `volume`, `s3`. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// Copies the log besides, so that the store can be restored as it was at any revision after a backup. Default: it is
    /// not copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point_in_time: Option<PointInTime>,
    /// Compute resources of each pod that copies the store; none by default. All else of where it runs is as of the store's
    /// own pods, by `spec.pod`.
    pub resources: Resources,
}

/// Which of the scheduled backups are kept, by number and by age; with both, those that neither removes. The
/// newest always is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": of_durations(&["self.keepFor"], "!has(self.keepFor) || (duration(self.keepFor) >= duration('1h') && duration(self.keepFor) <= duration('87600h'))"),
     "message": "keepFor must be from 1h to 87600h"}
]))]
pub struct BackupRetention {
    /// How many backups are kept, from 1 to 1000. Default: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep: Option<i32>,
    /// For how long a backup is kept, from 1h to 87600h. Default: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_for: Option<DurationString>,
}

/// How often the log is copied besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": of_durations(&["self.every"], "!has(self.every) || duration(self.every).getSeconds() in [60, 120, 180, 240, 300, 360, 600, 720, 900, 1200, 1800, 3600]"),
     "message": "every must divide an hour into whole minutes: 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m or 1h"}
]))]
pub struct PointInTime {
    /// Time between two copies, from 1m to 1h, a whole part of an hour: what is lost at most with the store's volume.
    /// Default 5m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<DurationString>,
}

impl PointInTime {
    /// Time between two copies.
    pub fn every(&self) -> Duration {
        self.every.as_ref().map_or(Duration::from_secs(300), DurationString::get)
    }
}
