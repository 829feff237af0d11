//! What of the configuration file takes effect without a restart: `sidecar.cache`, `sidecar.throttle`,
//! `sidecar.maxInFlight` and `sidecar.timeouts`, whole or not at all.
//!
//! A file that cannot be used changes nothing; what else changed in a good one waits for a restart, and is told.

mod metrics;

use std::path::PathBuf;

use kivi_layers::cache::CacheControl;
use kivi_process::{
    config::{self, ConfigError},
    serve::IdleTime,
};
use kivi_settings::{CacheSettings, Settings};
use tokio_util::sync::CancellationToken;

pub(crate) use metrics::ReloadMetrics;

use crate::{config::Config, feed::Demand, gates::Gates, policy, upstream::Target};

/// The settings in force, and what they steer.
#[derive(Debug)]
pub(crate) struct Reload {
    file: Option<PathBuf>,
    settings: Settings,
    upstream: Target,
    steers: Steers,
    metrics: ReloadMetrics,
}

/// What the settings steer while requests pass.
#[derive(Debug)]
pub(crate) struct Steers {
    pub(crate) control: CacheControl,
    pub(crate) demand: Demand,
    pub(crate) gates: Gates,
    pub(crate) idle: IdleTime,
}

impl Reload {
    /// With the settings of the start in force.
    pub(crate) fn new(config: &Config, steers: Steers, metrics: ReloadMetrics) -> Self {
        Self {
            file: config.file.clone(),
            settings: config.settings.clone(),
            upstream: config.upstream.clone(),
            steers,
            metrics,
        }
    }

    /// Follows the file, if there is one, until `shutdown`. The feed is asked for as long as this runs.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        if let Some(file) = self.file.take() {
            config::follow(&file, shutdown, |read| self.take(read)).await;
        } else {
            shutdown.cancelled().await;
        }
    }

    fn take(&mut self, read: Result<Settings, ConfigError>) {
        let settings = match read {
            Ok(settings) => settings,
            Err(error) => {
                self.metrics.refused();
                tracing::warn!(%error, "The configuration file was refused, and the old settings stay in force.");
                return;
            }
        };
        self.metrics.is_good();
        let (old, new) = (&mut self.settings.sidecar, &settings.sidecar);
        let mut replaced = Vec::new();
        if new.throttle != old.throttle {
            old.throttle = new.throttle.clone();
            self.steers.gates.set_throttle(&new.throttle);
            replaced.push("throttle");
        }
        if new.max_in_flight != old.max_in_flight {
            old.max_in_flight = new.max_in_flight;
            self.steers.gates.set_max_in_flight(new.max_in_flight);
            replaced.push("maxInFlight");
        }
        if new.timeouts.idle != old.timeouts.idle {
            old.timeouts.idle = new.timeouts.idle.clone();
            self.steers.idle.set(new.timeouts.idle.get());
            replaced.push("timeouts.idle");
        }
        let (is_retimed, recaches) = (new.timeouts.request != old.timeouts.request, new.cache != old.cache);
        old.timeouts.request = new.timeouts.request.clone();
        if is_retimed || recaches {
            self.apply(new.cache.clone());
        }
        if is_retimed {
            // After the cache: who has less time joins no load that has more.
            self.steers.gates.set_timeout(new.timeouts.request.get());
            replaced.push("timeouts.request");
        }
        if recaches {
            replaced.push("cache");
        }
        if !replaced.is_empty() {
            self.metrics.applied();
            tracing::info!(settings = replaced.join(", "), "Settings were replaced.");
        }
        if settings != self.settings {
            tracing::info!("The configuration file has other changes, which take effect at the next start.");
        }
    }

    fn apply(&mut self, cache: CacheSettings) {
        self.settings.sidecar.cache = cache;
        let policy = policy::of(&self.settings, &self.upstream);
        // Nothing is kept without its feed, also for the moment between the two.
        let Steers { control, demand, .. } = &self.steers;
        if policy.keeps() {
            demand.set(true);
            control.set_policy(policy);
        } else {
            control.set_policy(policy);
            demand.set(false);
        }
    }
}
