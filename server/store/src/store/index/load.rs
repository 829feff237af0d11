//! Filling the index from the log at a start.

use std::sync::atomic::Ordering;

use super::{Index, Ordered};
use crate::store::history::EVENTS;
use crate::{LogEntry, StateHash};

impl Index {
    /// Takes a part of the log's snapshot: keys as they were, at revisions that may be any below the snapshot's.
    pub(in crate::store) fn load(&self, entries: &[LogEntry]) {
        let mut sequenced = self.sequenced.write();
        for entry in entries {
            self.apply_to(&mut sequenced, entry.sequence, &entry.record);
        }
        // Nothing before the snapshot's end is history.
        sequenced.history.clear();
    }

    /// The snapshot is whole: the log goes on behind this sequence. Returns the hash of what was loaded.
    pub(in crate::store) fn loaded(&self, sequence: u64) -> StateHash {
        let mut sequenced = self.sequenced.write();
        sequenced.history.begin_at(sequence);
        self.last_revision.store(sequence, Ordering::Release);
        sequenced.hash
    }

    /// The log will end at this sequence: what comes long before it need not become history.
    pub(in crate::store) fn expect(&self, last: u64) {
        self.sequenced.write().history.begin_at(last.saturating_sub(EVENTS as u64));
    }

    /// Applies the next entries of the log under one hold of the lock.
    pub(in crate::store) fn replay(&self, entries: &[LogEntry]) {
        let mut sequenced = self.sequenced.write();
        for entry in entries {
            self.apply_to(&mut sequenced, entry.sequence, &entry.record);
        }
    }

    /// Puts the keys in order, from when on scans may come.
    pub(in crate::store) fn order(&self) {
        let mut sequenced = self.sequenced.write();
        if !sequenced.is_ordered {
            sequenced.ordered = Ordered::from_unsorted(self.shards.collect());
            sequenced.is_ordered = true;
        }
    }
}
