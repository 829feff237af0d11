//! The whole state at one revision, for the log's compaction and for copies of the store.

use std::sync::Arc;

use super::{
    KeyRange, Store, StoreError,
    shared::Shared,
    view::{Portion, View},
};
use crate::{LogEntry, Record, Snapshot, SnapshotError, StateHash};

/// How much is read at a time: changes wait for no more than that.
const ENTRIES: usize = 64;
const BYTES: usize = 16 << 10;

struct StoreSnapshot {
    shared: Arc<Shared>,
    view: Arc<View>,
    hash: StateHash,
    requests: Vec<(u64, Record)>,
}

impl Store {
    /// Takes a snapshot of everything, with its hash.
    pub fn snapshot(&self) -> Box<dyn Snapshot> {
        take(Arc::clone(&self.shared))
    }
}

pub(super) fn take(shared: Arc<Shared>) -> Box<dyn Snapshot> {
    // At no time: what has a deadline is there until the log says otherwise.
    let (view, (hash, requests)) = shared
        .index
        .view(KeyRange::all(), false, 0, |sequenced| (sequenced.hash, sequenced.requests.records()));
    Box::new(StoreSnapshot { shared, view, hash, requests })
}

impl Snapshot for StoreSnapshot {
    fn sequence(&self) -> u64 {
        self.view.revision()
    }

    fn hash(&self) -> StateHash {
        self.hash
    }

    fn read(&mut self) -> Result<Vec<LogEntry>, SnapshotError> {
        let mut portion = Portion { entries: ENTRIES, bytes: BYTES };
        let found = self.shared.index.read(&self.view, &mut portion)?;
        if found.is_empty() {
            let requests = std::mem::take(&mut self.requests);
            return Ok(requests
                .into_iter()
                .map(|(sequence, record)| LogEntry { sequence, record })
                .collect());
        }
        Ok(found.iter().map(super::entry::Packed::log_entry).collect())
    }

    fn urgency(&self) -> u8 {
        match self.shared.head.lock().writable() {
            // They wait for the room that a compaction makes.
            Err(StoreError::LogFull) => 100,
            // What is kept for this reader must not reach its bound before the end: a quarter of it is near enough.
            _ => self.view.kept_percent().saturating_mul(4).min(100),
        }
    }
}
