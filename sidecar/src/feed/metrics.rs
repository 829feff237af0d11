//! What is counted of the feed.

use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Seconds from a write to its arrival here.
const LAG: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The feed's counters.
#[derive(Debug, Clone)]
pub(super) struct FeedMetrics {
    pub(super) wanted: Gauge,
    pub(super) current: Gauge,
    pub(super) events: Counter,
    pub(super) connections: Counter,
    lag: Histogram,
}

impl FeedMetrics {
    /// Registers them as `kivi_feed_*`.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            wanted: Gauge::default(),
            current: Gauge::default(),
            events: Counter::default(),
            connections: Counter::default(),
            lag: Histogram::new(LAG),
        };
        let registry = registry.sub_registry_with_prefix("kivi_feed");
        registry.register(
            "wanted",
            "1 while the server's changes are to be followed: answers may be kept, and the server has a feed",
            metrics.wanted.clone(),
        );
        registry.register(
            "current",
            "1 while every change of the server is heard of; if it is wanted and not current, nothing that is kept is served",
            metrics.current.clone(),
        );
        registry.register("events", "Changes of keys that the server told of", metrics.events.clone());
        registry.register(
            "connections",
            "Connections on which the server's changes were followed; each begins with an empty cache",
            metrics.connections.clone(),
        );
        registry.register(
            "lag_seconds",
            "Seconds from a write in the server to its arrival in the cache, to the millisecond",
            metrics.lag.clone(),
        );
        metrics
    }

    /// A change came so long after it was made.
    pub(super) fn change(&self, lag: Duration) {
        self.events.inc();
        self.lag.observe(lag.as_secs_f64());
    }
}
