//! `spec.sidecar.cache`: what is kept, for how long, and for whom.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SplitBy;
use crate::{DurationString, Quantity, SettingsError, of_durations};

/// The stampede-safe cache: one load a key, its waiters share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "quantity(string(self.maxBytes)).compareTo(quantity('0')) >= 0 && quantity(string(self.maxBytes)).compareTo(quantity('64Gi')) <= 0",
     "message": "maxBytes must be from 0 to 64Gi"},
    {"rule": "quantity(string(self.maxObjectBytes)).compareTo(quantity('1Ki')) >= 0 && quantity(string(self.maxObjectBytes)).compareTo(quantity('1Gi')) <= 0",
     "message": "maxObjectBytes must be from 1Ki to 1Gi"},
    {"rule": of_durations(&["self.ttl", "self.staleWhileRevalidate", "self.staleIfError", "self.errorTtl", "self.negativeTtl"], "[self.ttl, self.staleWhileRevalidate, self.staleIfError, self.errorTtl, self.negativeTtl].all(ttl, duration(ttl) <= duration('8760h'))"),
     "message": "ttl, staleWhileRevalidate, staleIfError, errorTtl and negativeTtl must be at most 8760h"}
]))]
pub struct CacheSettings {
    /// Memory for cached answers, in bytes with their overhead, at most 64Gi; 0 keeps none. Default 64Mi.
    pub max_bytes: Quantity,
    /// The largest answer that is shared or kept, in bytes, from 1Ki to 1Gi; never less than `limits.valueBytes`,
    /// so that every value can be shared. Default 4Mi.
    pub max_object_bytes: Quantity,
    /// How long an answer without cache directives is fresh; 0s coalesces concurrent loads and keeps
    /// nothing. At most 8760h. Default 0s.
    pub ttl: DurationString,
    /// How long after its freshness an answer may be served while it is refreshed (RFC 5861), at most
    /// 8760h. Default 0s.
    pub stale_while_revalidate: DurationString,
    /// How long after its freshness an answer may be served when the server fails (RFC 5861), at most
    /// 8760h. Default 0s.
    pub stale_if_error: DurationString,
    /// How long a failed load is remembered and shared by requests for its key, at most 8760h.
    /// Default 1s.
    pub error_ttl: DurationString,
    /// How long a 404 or 410 without cache directives is fresh, at most 8760h; 0s coalesces concurrent loads
    /// of an absent key and keeps nothing. Default 0s.
    pub negative_ttl: DurationString,
    /// What separates the entries of one key, so that one caller never sees another's: `Token`, `Client` and
    /// `Header=NAME`, as in `Header=X-Account`; at most 8.
    #[schemars(length(max = 8))]
    pub split_by: Vec<SplitBy>,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            max_bytes: Quantity::from_mebibytes(64),
            max_object_bytes: Quantity::from_mebibytes(4),
            ttl: DurationString::from_secs(0),
            stale_while_revalidate: DurationString::from_secs(0),
            stale_if_error: DurationString::from_secs(0),
            error_ttl: DurationString::from_secs(1),
            negative_ttl: DurationString::from_secs(0),
            split_by: Vec::new(),
        }
    }
}

impl CacheSettings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if self.max_bytes.bytes() > 64 << 30 {
            return Err(SettingsError::Bounds {
                field: "sidecar.cache.maxBytes",
                value: self.max_bytes.to_string(),
                bounds: "write at most 64Gi",
            });
        }
        if !(1 << 10..=1 << 30).contains(&self.max_object_bytes.bytes()) {
            return Err(SettingsError::Bounds {
                field: "sidecar.cache.maxObjectBytes",
                value: self.max_object_bytes.to_string(),
                bounds: "write 1Ki to 1Gi",
            });
        }
        for (field, ttl) in [
            ("sidecar.cache.ttl", &self.ttl),
            ("sidecar.cache.staleWhileRevalidate", &self.stale_while_revalidate),
            ("sidecar.cache.staleIfError", &self.stale_if_error),
            ("sidecar.cache.errorTtl", &self.error_ttl),
            ("sidecar.cache.negativeTtl", &self.negative_ttl),
        ] {
            if ttl.get().as_secs() > 8760 * 3600 {
                return Err(SettingsError::Bounds {
                    field,
                    value: ttl.to_string(),
                    bounds: "write at most 8760h",
                });
            }
        }
        if self.split_by.len() > 8 {
            return Err(SettingsError::Bounds {
                field: "sidecar.cache.splitBy",
                value: format!("{} entries", self.split_by.len()),
                bounds: "write at most 8",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<String> {
        let settings: CacheSettings = serde_yaml::from_str(text).unwrap();
        settings.check().err().map(|error| error.to_string())
    }

    #[test]
    fn each_bound_holds_to_the_last_value() {
        for text in [
            "{}",
            "{maxBytes: 64Gi, maxObjectBytes: 1Gi, ttl: 8760h, negativeTtl: 8760h}",
            "{maxBytes: 0, maxObjectBytes: 1Ki, negativeTtl: 0s}",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
        for (text, field) in [
            ("{maxBytes: 65Gi}", "sidecar.cache.maxBytes: 65Gi"),
            ("{maxObjectBytes: 1023}", "sidecar.cache.maxObjectBytes: 1023"),
            ("{maxObjectBytes: 1025Mi}", "sidecar.cache.maxObjectBytes: 1025Mi"),
            ("{negativeTtl: 8761h}", "sidecar.cache.negativeTtl: 8761h"),
        ] {
            assert!(refusal(text).unwrap().starts_with(field), "{text}");
        }
    }
}
