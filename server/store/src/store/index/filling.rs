//! Filling an index from the log at a start, when nobody looks at it yet.
//!
//! It comes to what [`Index::apply`] comes to, in bulk: a chunk of changes goes to the hash table at once, and deadlines
//! are gathered at the end. The order of keys grows with them as long as most come in order, as those of a snapshot do,
//! and is sorted at the end otherwise. Only the last changes, which watches and cursors may still ask for, are applied
//! one by one.

use super::{Deadlines, Index, Ordered};
use crate::{
    LogEntry, LogUsage, StateHash,
    store::{
        entry::{LOGGED, OVERHEAD},
        history::EVENTS,
        ordered::Unsorted,
        shards::Becomes,
    },
};

/// Of so many keys one may come out of order: to find its place costs about as much as to sort so many.
const IN_ORDER: usize = 4;

/// An index that is being filled.
pub(in crate::store) struct Filling {
    index: Index,
    memory_limit: u64,
    /// What the log takes, in bytes, until the first entries have said how many keys that may be.
    log_bytes: Option<u64>,
    /// How many keys were put in order where they did not come so.
    misplaced: usize,
    /// Whether some key had a deadline.
    some_expire: bool,
    unsorted: Unsorted,
}

impl Filling {
    /// Of a log that ends at the sequence `last`, if that is known; `memory_limit` is what the store may hold, in bytes.
    pub(in crate::store) fn new(memory_limit: u64, last: u64, log: Option<LogUsage>) -> Self {
        let mut index = Index::new(memory_limit);
        let sequenced = index.sequenced.get_mut();
        // What comes long before the end need not become history.
        sequenced.history.begin_at(last.saturating_sub(EVENTS as u64));
        let log_bytes = log.map(|usage| usage.bytes);
        let unsorted = Unsorted::default();
        Self { index, memory_limit, log_bytes, misplaced: 0, some_expire: false, unsorted }
    }

    /// Takes a part of the log's snapshot: keys as they were, at revisions that may be any below the snapshot's.
    pub(in crate::store) fn load(&mut self, entries: &[LogEntry]) {
        self.fill(entries);
    }

    /// The snapshot is whole: the log goes on behind this sequence. Returns the hash of what was loaded.
    pub(in crate::store) fn loaded(&mut self, sequence: u64) -> StateHash {
        let sequenced = self.index.sequenced.get_mut();
        sequenced.history.begin_at(sequence);
        *self.index.last_revision.get_mut() = sequence;
        sequenced.hash
    }

    /// Takes the next entries of the log.
    pub(in crate::store) fn replay(&mut self, entries: &[LogEntry]) {
        let oldest = self.index.sequenced.get_mut().history.oldest();
        let (past, recent) = entries.split_at(entries.partition_point(|entry| entry.sequence <= oldest));
        self.fill(past);
        self.index.apply_all(recent);
        for change in recent.iter().flat_map(|entry| &entry.record.changes) {
            self.unsorted.see(&change.key);
        }
        if let Some(last) = entries.last() {
            *self.index.last_revision.get_mut() = last.sequence;
        }
    }

    /// The index, in order.
    pub(in crate::store) fn end(self) -> Index {
        let Self { mut index, mut unsorted, some_expire, .. } = self;
        let sequenced = index.sequenced.get_mut();
        if some_expire {
            sequenced.deadlines = Deadlines::default();
        }
        let keys = index.shards.keys();
        unsorted.reserve(if sequenced.is_ordered { 0 } else { keys });
        for shard in index.shards.settled() {
            if !sequenced.is_ordered {
                unsorted.take(shard.iter());
            }
            if some_expire {
                for entry in shard {
                    sequenced.deadlines.insert(entry);
                }
            }
        }
        if !sequenced.is_ordered {
            sequenced.ordered = Ordered::from_unsorted(unsorted);
            sequenced.is_ordered = true;
        }
        *index.keys.get_mut() = keys as u64;
        index
    }

    fn fill(&mut self, entries: &[LogEntry]) {
        let Self { index, unsorted, .. } = self;
        let (sequenced, shards) = (index.sequenced.get_mut(), &mut index.shards);
        let memory_bytes = index.memory_bytes.get_mut();
        let mut changes = Vec::with_capacity(entries.len());
        for LogEntry { sequence, record } in entries {
            for change in &record.changes {
                let becomes = if let Some(after) = sequenced.pack(*sequence, record.written_ms, change) {
                    sequenced.hash.add(after.hashed());
                    *memory_bytes += after.weight();
                    self.some_expire |= after.expires_ms().is_some();
                    unsorted.see(after.key());
                    if sequenced.is_ordered && !sequenced.ordered.append(&after) {
                        self.misplaced += 1;
                        sequenced.ordered.insert(after.clone());
                    }
                    Becomes::Present(after)
                } else {
                    if sequenced.is_ordered {
                        self.misplaced += 1;
                        sequenced.ordered.remove(&change.key);
                    }
                    Becomes::Absent(&change.key)
                };
                changes.push((shards.hash(becomes.key()), becomes));
            }
            if let Some(remembered) = &record.remembered {
                let before = sequenced.requests.bytes();
                sequenced.requests.remember(*sequence, record.written_ms, remembered);
                *memory_bytes += sequenced.requests.bytes() - before;
            }
        }
        for before in shards.fill(changes) {
            sequenced.hash.remove(before.hashed());
            *memory_bytes -= before.weight();
        }
        if sequenced.is_ordered && self.misplaced > shards.keys() / IN_ORDER {
            sequenced.is_ordered = false;
            sequenced.ordered = Ordered::new();
        }
        self.make_room();
    }

    /// Makes room, once, for as many keys as the log may hold if it goes on as it begins: a table that grows moves all of
    /// its keys, and has to look at each of them for that.
    fn make_room(&mut self) {
        let (index, log_bytes) = (&mut self.index, self.log_bytes);
        let (keys, bytes) = (index.shards.keys() as u64, *index.memory_bytes.get_mut());
        let (Some(log_bytes), Some(weight)) = (log_bytes, bytes.checked_div(keys)) else { return };
        self.log_bytes = None;
        let logged = weight.saturating_sub(OVERHEAD) + LOGGED;
        let most = (log_bytes / logged).min(self.memory_limit / weight.max(1));
        index.shards.reserve(usize::try_from(most).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests;
