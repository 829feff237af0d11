//! `spec.sidecar`: the proxy in front of each server. Also the sidecar's own configuration file.

mod cache;
mod resources;
mod split_by;
mod throttle;
mod timeouts;
mod tracing;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cache::CacheSettings;
pub use resources::{Amount, Resources};
pub use split_by::SplitBy;
pub use throttle::{OnExcess, ThrottleBy, ThrottleSettings};
pub use timeouts::TimeoutSettings;
pub use tracing::{OtlpProtocol, TracingSettings};

use crate::SettingsError;

/// The proxy in front of each server: TLS, probes, tracing, throttling and stampede-safe caching.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SidecarSettings {
    /// Whether the sidecar runs. Without it the server itself serves TLS, and there is no cache and no
    /// throttle. Default true.
    pub enabled: bool,
    /// The stampede-safe cache: what is kept, for how long, and for whom.
    pub cache: CacheSettings,
    /// The rate limit: how many requests a second a client may send. Default: no limit.
    pub throttle: ThrottleSettings,
    /// How long a request and an idle connection may last.
    pub timeouts: TimeoutSettings,
    /// Requests in flight at once, from 1 to 1000000; one more gets 503. Default 10000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_in_flight: i32,
    /// Where traces go. Default: nowhere.
    pub tracing: TracingSettings,
    /// Compute resources of the sidecar's container; none by default.
    pub resources: Resources,
}

impl Default for SidecarSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            cache: CacheSettings::default(),
            throttle: ThrottleSettings::default(),
            timeouts: TimeoutSettings::default(),
            max_in_flight: 10_000,
            tracing: TracingSettings::default(),
            resources: Resources::default(),
        }
    }
}

impl SidecarSettings {
    /// Checks the bounds that the API server's rules check, for a file written by hand.
    ///
    /// # Errors
    /// Names the first field out of bounds.
    pub fn check(&self) -> Result<(), SettingsError> {
        if !(1..=1_000_000).contains(&self.max_in_flight) {
            return Err(SettingsError::Bounds {
                field: "sidecar.maxInFlight",
                value: self.max_in_flight.to_string(),
                bounds: "write 1 to 1000000",
            });
        }
        self.cache.check()?;
        self.throttle.check()?;
        self.timeouts.check()
    }
}
