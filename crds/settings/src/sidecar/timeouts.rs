//! `spec.sidecar.timeouts`: how long a request and an idle connection may last.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DurationString, SettingsError, of_durations};

/// How long a request and an idle connection may last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": of_durations(&["self.request"], "duration(self.request) >= duration('1ms') && duration(self.request) <= duration('1h')"),
     "message": "request must be from 1ms to 1h"},
    {"rule": of_durations(&["self.idle"], "duration(self.idle) >= duration('1s') && duration(self.idle) <= duration('24h')"),
     "message": "idle must be from 1s to 24h"}
]))]
pub struct TimeoutSettings {
    /// Longest time from a request's head to its answer's head, from 1ms to 1h; beyond it the answer is
    /// 504. Default 30s.
    pub request: DurationString,
    /// Longest time a connection may stay without a request, from 1s to 24h. Default 60s.
    pub idle: DurationString,
}

impl Default for TimeoutSettings {
    fn default() -> Self {
        Self { request: DurationString::from_secs(30), idle: DurationString::from_secs(60) }
    }
}

impl TimeoutSettings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        for (field, value, min_millis, max_millis, bounds) in [
            ("sidecar.timeouts.request", &self.request, 1, 3_600_000, "write 1ms to 1h"),
            ("sidecar.timeouts.idle", &self.idle, 1_000, 86_400_000, "write 1s to 24h"),
        ] {
            if !(min_millis..=max_millis).contains(&value.get().as_millis()) {
                return Err(SettingsError::Bounds { field, value: value.to_string(), bounds });
            }
        }
        Ok(())
    }
}
