//! `spec.sidecar.throttle`: the token bucket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SettingsError;

/// The rate limit: a token bucket (`rate` tokens a second, at most `burst` saved) per bucket owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.burst) || has(self.rate)", "message": "burst needs rate"}
]))]
pub struct ThrottleSettings {
    /// Requests a second, from 1 to 1000000. Unset: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub rate: Option<i32>,
    /// Requests that may come at once after a pause, from 1 to 1000000. Unset: the same number as `rate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: Option<i32>,
    /// Who owns a bucket. Default Client.
    pub by: ThrottleBy,
    /// What a request beyond the limit gets. Default Reject.
    pub on_excess: OnExcess,
}

impl ThrottleSettings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        for (field, value) in [("sidecar.throttle.rate", self.rate), ("sidecar.throttle.burst", self.burst)] {
            if let Some(value) = value.filter(|value| !(1..=1_000_000).contains(value)) {
                return Err(SettingsError::Bounds {
                    field,
                    value: value.to_string(),
                    bounds: "write 1 to 1000000",
                });
            }
        }
        if self.burst.is_some() && self.rate.is_none() {
            return Err(SettingsError::Incomplete {
                field: "sidecar.throttle.burst",
                reason: "it needs `rate`, the tokens a second",
            });
        }
        Ok(())
    }
}

/// Who owns a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ThrottleBy {
    /// Each client: its bearer token, or its address when it has none.
    #[default]
    Client,
    /// All clients share one bucket.
    Store,
}

/// What a request beyond the limit gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnExcess {
    /// 429 with `Retry-After`, at once.
    #[default]
    Reject,
    /// Its turn, if that comes within the request's deadline; else 429 with `Retry-After`.
    Delay,
}
