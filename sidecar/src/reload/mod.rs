//! What of the configuration file takes effect without a restart: `sidecar.cache`, whole or not at all.
//!
//! A file that cannot be used changes nothing; what else changed in a good one waits for a restart, and is told.

mod metrics;

use std::path::PathBuf;

use kivi_layers::cache::CacheControl;
use kivi_process::config::{self, ConfigError};
use kivi_settings::{CacheSettings, Settings};
use tokio_util::sync::CancellationToken;

pub(crate) use metrics::ReloadMetrics;

use crate::{config::Config, feed::Demand, policy, upstream::Target};

/// The settings in force, and what they steer.
#[derive(Debug)]
pub(crate) struct Reload {
    file: Option<PathBuf>,
    settings: Settings,
    upstream: Target,
    control: CacheControl,
    demand: Demand,
    metrics: ReloadMetrics,
}

impl Reload {
    /// With the settings of the start in force.
    pub(crate) fn new(
        config: &Config,
        control: CacheControl,
        demand: Demand,
        metrics: ReloadMetrics,
    ) -> Self {
        Self {
            file: config.file.clone(),
            settings: config.settings.clone(),
            upstream: config.upstream.clone(),
            control,
            demand,
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
        if settings.sidecar.cache != self.settings.sidecar.cache {
            self.apply(settings.sidecar.cache.clone());
            self.metrics.applied();
            tracing::info!("The settings of the cache were replaced.");
        }
        if settings != self.settings {
            tracing::info!("The configuration file has other changes, which take effect at the next start.");
        }
    }

    fn apply(&mut self, cache: CacheSettings) {
        self.settings.sidecar.cache = cache;
        let policy = policy::of(&self.settings, &self.upstream);
        // Nothing is kept without its feed, also for the moment between the two.
        if policy.keeps() {
            self.demand.set(true);
            self.control.set_policy(policy);
        } else {
            self.control.set_policy(policy);
            self.demand.set(false);
        }
    }
}
