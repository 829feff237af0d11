//! What a log says behind a snapshot, up to one sequence, to be laid over that snapshot. Pure.
//!
//! It takes memory for the keys that were changed, each as it was left; not for every change.

use std::collections::{BTreeMap, btree_map};

use bytes::Bytes;

use crate::{Change, Effect, LogEntry, Record};

/// The state behind a snapshot, as far as it is another one.
#[derive(Debug)]
pub struct Later {
    behind: u64,
    last: u64,
    /// What each key that was changed is; `None`: absent.
    keys: BTreeMap<Bytes, Option<LogEntry>>,
    /// Requests that are remembered, as records without changes, in the order of the log.
    requests: Vec<LogEntry>,
}

/// An entry is not the one that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entry of sequence {expected} is missing; {found} comes in its place")]
pub struct Gap {
    /// The sequence that should come next.
    pub expected: u64,
    /// The one that came.
    pub found: u64,
}

impl Later {
    /// Nothing so far, behind the snapshot that was taken at a sequence.
    pub fn behind(sequence: u64) -> Self {
        Self { behind: sequence, last: sequence, keys: BTreeMap::new(), requests: Vec::new() }
    }

    /// The sequence of the snapshot.
    pub fn begins_behind(&self) -> u64 {
        self.behind
    }

    /// The sequence that it goes up to.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Takes the entry that follows.
    pub fn add(&mut self, entry: &LogEntry) -> Result<(), Gap> {
        let expected = self.last + 1;
        if entry.sequence != expected {
            return Err(Gap { expected, found: entry.sequence });
        }
        self.last = entry.sequence;
        let LogEntry { sequence, record } = entry;
        for change in &record.changes {
            let change = detached(change);
            let key = change.key.clone();
            let put = matches!(change.effect, Effect::Put { .. }).then(|| {
                let record = Record::of(change.key, record.written_ms, change.effect);
                LogEntry { sequence: *sequence, record }
            });
            self.keys.insert(key, put);
        }
        if record.remembered.is_some() {
            let record = Record { changes: crate::Changes::new(), ..record.clone() };
            self.requests.push(LogEntry { sequence: *sequence, record });
        }
        Ok(())
    }

    /// The keys in order, and the requests.
    pub(super) fn into_parts(self) -> (Keys, Vec<LogEntry>) {
        (self.keys.into_iter(), self.requests)
    }
}

/// Keys in order, each as it was left.
pub(super) type Keys = btree_map::IntoIter<Bytes, Option<LogEntry>>;

/// A change that does not hold the memory of the whole batch that it was read with.
fn detached(change: &Change) -> Change {
    let copy = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
    let effect = match &change.effect {
        Effect::Put { value, media_type, expires_ms } => {
            Effect::Put { value: copy(value), media_type: media_type.clone(), expires_ms: *expires_ms }
        }
        other => other.clone(),
    };
    Change { key: copy(&change.key), effect }
}
