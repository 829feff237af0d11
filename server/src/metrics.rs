//! What the server measures besides its requests: the store, and which build it is. No key in any label.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::routes::StoreCell;

/// Adds the build's and the store's metrics to a registry.
pub(crate) fn register(registry: &mut Registry, store: StoreCell) {
    registry.register(
        "kivi_build",
        "Which build of the server this is",
        Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
    );
    registry.register_collector(Box::new(StoreMetrics { store }));
}

/// Asks the store when it is scraped, so that no write pays for it.
struct StoreMetrics {
    store: StoreCell,
}

impl Collector for StoreMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(store) = self.store.get() else {
            return Ok(());
        };
        let status = store.status();
        let mut gauge = |name, help, unit, value: u64| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        gauge("kivi_store_keys", "Keys that have a value.", None, status.keys)?;
        gauge(
            "kivi_store_memory",
            "Memory taken by keys and values, with an estimate of what holds them.",
            Some(&Unit::Bytes),
            status.memory_bytes,
        )?;
        gauge(
            "kivi_store_writable",
            "1 while the log takes writes, 0 while it refuses them.",
            None,
            u64::from(status.writable.is_ok()),
        )?;
        let revisions = ConstCounter::new(status.last_revision);
        revisions.encode(encoder.encode_descriptor(
            "kivi_store_revisions",
            "Revisions of the store, which is writes since its log began.",
            None,
            revisions.metric_type(),
        )?)
    }
}

impl fmt::Debug for StoreMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreMetrics").finish_non_exhaustive()
    }
}
