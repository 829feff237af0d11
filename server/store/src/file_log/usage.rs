//! What the log takes on its volume, counted as it is written, for whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::LogUsage;

#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Of the segments before the one that is written, in bytes.
    sealed: AtomicU64,
    /// Of the one that is written, in bytes.
    active: AtomicU64,
    /// Of the snapshot, in bytes.
    snapshot: AtomicU64,
    /// The snapshot's sequence.
    compacted: AtomicU64,
}

impl Usage {
    pub(super) fn get(&self) -> LogUsage {
        let bytes = [&self.sealed, &self.active, &self.snapshot];
        LogUsage {
            bytes: bytes.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum(),
            compacted: self.compacted(),
        }
    }

    /// The snapshot's sequence; 0 without one.
    pub(super) fn compacted(&self) -> u64 {
        self.compacted.load(Ordering::Acquire)
    }

    pub(super) fn set_active(&self, bytes: u64) {
        self.active.store(bytes, Ordering::Relaxed);
    }

    /// A segment of this length will not be written any more.
    pub(super) fn add_sealed(&self, bytes: u64) {
        self.sealed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A segment of this length is gone.
    pub(super) fn remove_sealed(&self, bytes: u64) {
        // What was counted by the file's length may differ from what is found later: never below nothing.
        let _ = self
            .sealed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sealed| Some(sealed.saturating_sub(bytes)));
    }

    /// The log begins with a snapshot of this length at this sequence.
    pub(super) fn set_snapshot(&self, sequence: u64, bytes: u64) {
        self.snapshot.store(bytes, Ordering::Relaxed);
        self.compacted.store(sequence, Ordering::Release);
    }
}
