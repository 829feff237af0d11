//! What the cache counts.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// The cache's counters and gauges; a clone counts into the same.
#[derive(Debug, Clone, Default)]
pub struct CacheMetrics {
    /// Requests answered from a fresh stored answer or a kept failure.
    pub hit: Counter,
    /// Requests answered from a stale stored answer.
    pub stale: Counter,
    /// Loads begun, refreshes included.
    pub miss: Counter,
    /// Requests that joined a load begun by another.
    pub coalesced: Counter,
    /// Requests that went on their own because their key's answers are not shared.
    pub hit_for_miss: Counter,
    /// Loads that failed: no answer, or a body that broke off.
    pub fill_failed: Counter,
    /// Stored answers that made room for others.
    pub evicted: Counter,
    /// Stored answers that a purge dropped.
    pub purged: Counter,
    /// Bytes of stored answers, overhead included.
    pub bytes: Gauge,
    /// Stored answers.
    pub entries: Gauge,
    /// Requests that wait for a load's headers now.
    pub waiters: Gauge,
}

impl CacheMetrics {
    /// Registers all of them as `kivi_cache_*`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("kivi_cache");
        for (name, help, counter) in [
            ("hit", "Requests answered from a fresh stored answer or a kept failure", &self.hit),
            ("stale", "Requests answered from a stale stored answer", &self.stale),
            ("miss", "Loads begun, refreshes included", &self.miss),
            ("coalesced", "Requests that joined a load begun by another", &self.coalesced),
            (
                "hit_for_miss",
                "Requests that went on their own because the answers of their key are not shared",
                &self.hit_for_miss,
            ),
            ("fill_failed", "Loads that failed", &self.fill_failed),
            ("evicted", "Stored answers that made room for others", &self.evicted),
            ("purged", "Stored answers that a purge dropped", &self.purged),
        ] {
            registry.register(name, help, counter.clone());
        }
        for (name, help, gauge) in [
            ("bytes", "Bytes of stored answers with their overhead", &self.bytes),
            ("entries", "Stored answers", &self.entries),
            ("waiters", "Requests that wait for the headers of a load", &self.waiters),
        ] {
            registry.register(name, help, gauge.clone());
        }
    }

    /// Counts one more waiter until the guard is dropped.
    pub(super) fn waiting(&self) -> Waiting {
        self.waiters.inc();
        Waiting(self.waiters.clone())
    }
}

/// One waiter.
#[derive(Debug)]
pub(super) struct Waiting(Gauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}
