//! `spec.log`: where the transaction log lives. Exactly one kind of log.

mod auto_grow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use auto_grow::{AutoGrow, GrowthStep};

use crate::{DurationString, Quantity, SettingsError, of_durations};

/// The transaction log of a store: the only thing that is durable. Exactly one kind is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.file)", "message": "name one kind of log: file"}
]))]
pub struct LogSettings {
    /// A log in segments on a persistent volume: one server, every acknowledged write durable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileLogSettings>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { file: Some(FileLogSettings::default()) }
    }
}

impl LogSettings {
    /// The file log's settings.
    ///
    /// # Errors
    /// When no kind of log is named.
    pub fn file(&self) -> Result<&FileLogSettings, SettingsError> {
        self.file.as_ref().ok_or(SettingsError::Incomplete {
            field: "log",
            reason: "name one kind of log, as in `log: {file: {}}`",
        })
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// Names the first field out of bounds.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.file()?.check()
    }
}

/// A log in segments on a persistent volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
     "message": "storageClassName cannot change: a volume keeps its class for life"},
    {"rule": "quantity(string(self.size)).compareTo(quantity('16Mi')) >= 0 && quantity(string(self.size)).compareTo(quantity('1024Ti')) <= 0",
     "message": "size must be from 16Mi to 1024Ti"},
    {"rule": "quantity(string(self.segmentSize)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self.segmentSize)).compareTo(quantity('1Gi')) <= 0",
     "message": "segmentSize must be from 1Mi to 1Gi"},
    {"rule": "quantity(string(self.segmentSize)).compareTo(quantity(string(self.size))) <= 0",
     "message": "segmentSize must not exceed size"},
    {"rule": "!has(self.autoGrow) || quantity(string(self.autoGrow.max)).compareTo(quantity(string(self.size))) >= 0",
     "message": "autoGrow.max must be at least size"},
    {"rule": of_durations(&["self.syncInterval"], "duration(self.syncInterval) >= duration('1ms') && duration(self.syncInterval) <= duration('60s')"),
     "message": "syncInterval must be from 1ms to 60s"}
]))]
pub struct FileLogSettings {
    /// Size of each pod's log volume, in bytes, from 16Mi to 1024Ti. A larger size makes the volumes grow while the
    /// store serves; a growth that failed can be taken back, and nothing else shrinks. Default 1Gi.
    pub size: Quantity,
    /// StorageClass of the log volume, at most 253 characters; unset means the cluster's default class.
    /// Cannot change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
    /// Lets the volume grow by itself when it is nearly full. Unset means that it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_grow: Option<AutoGrow>,
    /// When a write is made durable, in relation to its answer. Default Always.
    pub sync: SyncPolicy,
    /// Longest time between a write and its fsync under `sync: Interval`, from 1ms to 60s. Default 1s.
    pub sync_interval: DurationString,
    /// Size of one log segment, in bytes, from 1Mi to 1Gi; it is preallocated. Default 64Mi.
    pub segment_size: Quantity,
    /// Share of the log that may be garbage before it is compacted, in percent, from 1 to 99. Default 50.
    #[schemars(range(min = 1, max = 99))]
    pub compact_at_garbage: i32,
}

impl Default for FileLogSettings {
    fn default() -> Self {
        Self {
            size: Quantity::from_mebibytes(1024),
            storage_class_name: None,
            auto_grow: None,
            sync: SyncPolicy::Always,
            sync_interval: DurationString::from_secs(1),
            segment_size: Quantity::from_mebibytes(64),
            compact_at_garbage: 50,
        }
    }
}

impl FileLogSettings {
    fn check(&self) -> Result<(), SettingsError> {
        let out = |field, value: &dyn ToString, bounds| {
            Err(SettingsError::Bounds { field, value: value.to_string(), bounds })
        };
        if !(16 << 20..=1 << 50).contains(&self.size.bytes()) {
            return out("log.file.size", &self.size, "write 16Mi to 1024Ti");
        }
        if !(1 << 20..=1 << 30).contains(&self.segment_size.bytes()) {
            return out("log.file.segmentSize", &self.segment_size, "write 1Mi to 1Gi");
        }
        if self.segment_size.bytes() > self.size.bytes() {
            return out("log.file.segmentSize", &self.segment_size, "it must not exceed log.file.size");
        }
        if let Some(auto) = &self.auto_grow {
            auto.check(&self.size)?;
        }
        if !(1..=60_000).contains(&self.sync_interval.get().as_millis()) {
            return out("log.file.syncInterval", &self.sync_interval, "write 1ms to 60s");
        }
        if !(1..=99).contains(&self.compact_at_garbage) {
            return out("log.file.compactAtGarbage", &self.compact_at_garbage, "write 1 to 99");
        }
        Ok(())
    }
}

/// When a write is made durable, in relation to its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SyncPolicy {
    /// Before the answer: an acknowledged write survives a power cut.
    #[default]
    Always,
    /// At most `syncInterval` after the answer: a power cut may lose that much.
    Interval,
    /// When the kernel pleases: a power cut may lose more; a crash of the process loses nothing.
    Never,
}
