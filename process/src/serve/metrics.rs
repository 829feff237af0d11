//! How many connections there are, and how many there was no room for.

use std::sync::atomic::AtomicI64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The connections of a listener, counted; a handle, cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ConnectionMetrics {
    open: Gauge<i64, AtomicI64>,
    refused: Counter,
}

impl ConnectionMetrics {
    /// Counts that a registry tells.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "kivi_connections_open",
            "Connections of clients that are served",
            metrics.open.clone(),
        );
        registry.register(
            "kivi_connections_refused",
            "Connections that were closed because there were limits.connections already",
            metrics.refused.clone(),
        );
        metrics
    }

    /// Counts a connection until the returned guard is dropped.
    pub(super) fn open(&self) -> Open {
        self.open.inc();
        Open(self.open.clone())
    }

    pub(super) fn refuse(&self) {
        self.refused.inc();
    }
}

/// A connection that is served.
pub(super) struct Open(Gauge<i64, AtomicI64>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
