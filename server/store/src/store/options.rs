//! What a store is told when it is opened. Plain values.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// The present in milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How a store behaves.
#[derive(Clone)]
pub struct StoreOptions {
    /// What it may hold.
    pub limits: StoreLimits,
    /// Counts what was replayed while `open` is under way; keep a clone to look at it.
    pub progress: ReplayProgress,
    /// Stamps each write, and tells when a deadline has come. The default takes the system's time once and then goes on
    /// steadily, so that no correction of the system's clock brings a key back or ends it early.
    pub clock: Clock,
    /// How long the outcome of a named request is remembered. The default is a day.
    pub request_window: Duration,
    /// The share of the log that may be garbage before it is compacted, in percent; `None`: it is never compacted.
    pub compact_at_garbage: Option<u8>,
}

/// What a store may hold. Writes that would go over a limit are refused before they are logged; a log that already
/// holds more is replayed whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Keys, values and an estimate of what holds them, in bytes.
    pub memory_bytes: u64,
    /// How many keys; `u64::MAX` for no limit.
    pub keys: u64,
}

/// How far a replay is.
#[derive(Debug, Clone, Default)]
pub struct ReplayProgress(Arc<Progress>);

#[derive(Debug, Default)]
struct Progress {
    records: AtomicU64,
    sequence: AtomicU64,
    last: AtomicU64,
}

impl ReplayProgress {
    /// The records replayed so far.
    pub fn records(&self) -> u64 {
        self.0.records.load(Ordering::Relaxed)
    }

    /// The sequence reached in the log, behind its snapshot, and its last one; 0 where they are not known yet.
    pub fn reached(&self) -> (u64, u64) {
        (self.0.sequence.load(Ordering::Relaxed), self.0.last.load(Ordering::Relaxed))
    }

    pub(super) fn expect(&self, last: u64) {
        self.0.last.store(last, Ordering::Relaxed);
    }

    pub(super) fn advance(&self, records: usize) {
        self.0.records.fetch_add(u64::try_from(records).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn reach(&self, sequence: u64) {
        self.0.sequence.store(sequence, Ordering::Relaxed);
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            limits: StoreLimits::default(),
            progress: ReplayProgress::default(),
            clock: steady_clock(),
            request_window: Duration::from_secs(24 * 60 * 60),
            compact_at_garbage: None,
        }
    }
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20, keys: u64::MAX }
    }
}

/// A clock before 1970 reads as 1970; one beyond the year 500 million as that.
fn steady_clock() -> Clock {
    let (wall, since) = (SystemTime::now(), Instant::now());
    let wall = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    Arc::new(move || u64::try_from((wall + since.elapsed()).as_millis()).unwrap_or(u64::MAX))
}

/// A clock that is never before what the log was told: one that was set back since goes on from there.
pub(super) fn behind_log(clock: Clock, last_ms: u64) -> Clock {
    match last_ms.saturating_sub(clock()) {
        0 => clock,
        ahead => Arc::new(move || clock().saturating_add(ahead)),
    }
}
