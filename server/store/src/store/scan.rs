//! Reading a range of keys in order, as it is at one revision, while writes go on.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Entry, KeyRange, PastError, Store,
    entry::Packed,
    shared::Shared,
    view::{Portion, View},
};
use crate::SnapshotError;

/// What to read.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Which keys.
    pub range: KeyRange,
    /// Whether the last key comes first.
    pub reverse: bool,
    /// The revision to read at, as far back as the history goes; without it, the present one.
    pub revision: Option<u64>,
}

/// A scan under way. It takes memory for what is changed in the part of its range that is still to be read.
pub struct Scanner {
    shared: Arc<Shared>,
    view: Arc<View>,
}

impl Store {
    /// Begins to read a range of keys. Keys whose deadline has come are not in it.
    pub fn scan(&self, scan: Scan) -> Result<Scanner, PastError> {
        let Scan { range, reverse, revision } = scan;
        let (shared, now_ms) = (Arc::clone(&self.shared), (self.shared.clock)());
        let view = match revision {
            Some(revision) => shared.index.view_at(revision, range, reverse, now_ms)?,
            None => shared.index.view(range, reverse, now_ms, |_| ()).0,
        };
        Ok(Scanner { shared, view })
    }
}

impl Scanner {
    /// The revision that it reads at.
    pub fn revision(&self) -> u64 {
        self.view.revision()
    }

    /// The next keys with their entries: at most `entries` of them, and no more behind `bytes` of keys and values. Empty
    /// at the end. Waits for single changes only.
    pub fn read(&mut self, entries: usize, bytes: usize) -> Result<Vec<(Bytes, Entry)>, SnapshotError> {
        let mut portion = Portion { entries: entries.max(1), bytes: bytes.max(1) };
        let found = self.shared.index.read(&self.view, &mut portion)?;
        Ok(found.iter().map(|packed: &Packed| (packed.key_bytes(), packed.entry())).collect())
    }
}
