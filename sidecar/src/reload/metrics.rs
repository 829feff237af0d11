//! What is counted of a configuration file that changes.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

const APPLIED: Outcome = Outcome { outcome: "applied" };
const REFUSED: Outcome = Outcome { outcome: "refused" };

/// Changes of the configuration file.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReloadMetrics {
    changes: Family<Outcome, Counter>,
    is_refused: Gauge,
}

impl ReloadMetrics {
    /// Registers them as `kivi_config_*`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for outcome in [APPLIED, REFUSED] {
            drop(metrics.changes.get_or_create(&outcome));
        }
        let registry = registry.sub_registry_with_prefix("kivi_config");
        registry.register(
            "changes",
            "Changes of the configuration file that were put in force or refused",
            metrics.changes.clone(),
        );
        registry.register(
            "refused",
            "1 while the configuration file is one that was refused, so that the settings in force are older",
            metrics.is_refused.clone(),
        );
        metrics
    }

    pub(super) fn is_good(&self) {
        self.is_refused.set(0);
    }

    pub(super) fn applied(&self) {
        self.changes.get_or_create(&APPLIED).inc();
    }

    pub(super) fn refused(&self) {
        self.is_refused.set(1);
        self.changes.get_or_create(&REFUSED).inc();
    }
}
