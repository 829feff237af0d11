//! What the server measures besides its requests: connections, the store, its log, and which build it is. No key in any
//! label.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use kivi_process::serve::ConnectionMetrics;
use kivi_store::SyncObserver;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::routes::StoreCell;

/// Upper bounds of the classes of syncs, in seconds: from a fast NVMe disk to a stall that users notice.
const SYNC_SECONDS: [f64; 15] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Adds the durations of the log's syncs to a registry; the log tells them to the observer.
pub(crate) fn log_syncs(registry: &mut Registry) -> SyncObserver {
    let durations = Histogram::new(SYNC_SECONDS);
    registry.register_with_unit(
        "kivi_log_sync_duration",
        "How long the log's syncs to its volume took, failed ones too",
        Unit::Seconds,
        durations.clone(),
    );
    Arc::new(move |took| durations.observe(took.as_secs_f64()))
}

/// Adds the build's and the store's metrics to a registry, and returns what counts clients' connections.
pub(crate) fn register(registry: &mut Registry, store: StoreCell, data_dir: PathBuf) -> ConnectionMetrics {
    registry.register(
        "kivi_build",
        "Which build of the server this is",
        Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
    );
    registry.register_collector(Box::new(StoreMetrics { store, data_dir }));
    ConnectionMetrics::register(registry)
}

/// Asks the store when it is scraped, so that no write pays for it.
struct StoreMetrics {
    store: StoreCell,
    data_dir: PathBuf,
}

impl Collector for StoreMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name, help, unit, value: u64| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        // Also while the log is being read. Before a first start there is no folder yet.
        if let Ok(room) = kivi_store::room(&self.data_dir) {
            let bytes = Some(&Unit::Bytes);
            gauge("kivi_log_volume_size", "Size of the file system that the log is on.", bytes, room.size)?;
            let help = "What is free of the file system that the log is on.";
            gauge("kivi_log_volume_available", help, bytes, room.available)?;
        }
        let Some(store) = self.store.get() else {
            return Ok(());
        };
        let status = store.status();
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
        if let Some(log) = status.log {
            gauge(
                "kivi_log_size",
                "What snapshot and records take on the log's volume, without what is allocated ahead.",
                Some(&Unit::Bytes),
                log.bytes,
            )?;
        }
        let mut counter = |name, help, value: u64| {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
        };
        counter("kivi_log_compactions", "Compactions of the log since the start.", status.compactions)?;
        counter(
            "kivi_log_failed_compactions",
            "Compactions of the log that failed since the start.",
            status.failed_compactions,
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
