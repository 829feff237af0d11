//! What a store is told when it is opened. Plain values.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// The present in milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How a store behaves.
#[derive(Clone)]
pub struct StoreOptions {
    /// What it may hold.
    pub limits: StoreLimits,
    /// Counts what was replayed while `open` is under way; keep a clone to look at it.
    pub progress: ReplayProgress,
    /// Stamps each write. The default is the system's clock.
    pub clock: Clock,
}

/// What a store may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Keys, values and an estimate of what holds them, in bytes. Writes that would go over it are refused before
    /// they are logged; a log that already holds more is replayed whole.
    pub memory_bytes: u64,
}

/// How many records were replayed so far.
#[derive(Debug, Clone, Default)]
pub struct ReplayProgress(Arc<AtomicU64>);

impl ReplayProgress {
    /// The records replayed so far.
    pub fn records(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn advance(&self, records: usize) {
        self.0.fetch_add(u64::try_from(records).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            limits: StoreLimits::default(),
            progress: ReplayProgress::default(),
            clock: Arc::new(system_clock),
        }
    }
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20 }
    }
}

/// A clock before 1970 reads as 1970; one beyond the year 500 million as that.
fn system_clock() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
