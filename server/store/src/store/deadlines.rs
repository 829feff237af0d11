//! The deadlines of the present keys, the next one first.

use std::{cmp::Ordering, collections::BTreeSet};

use super::entry::Packed;

#[derive(Default)]
pub(super) struct Deadlines(BTreeSet<Due>);

/// A key with a deadline; ordered by deadline, then by key.
struct Due {
    ms: u64,
    entry: Packed,
}

impl Deadlines {
    pub(super) fn insert(&mut self, entry: &Packed) {
        if let Some(ms) = entry.expires_ms() {
            self.0.insert(Due { ms, entry: entry.clone() });
        }
    }

    pub(super) fn remove(&mut self, entry: &Packed) {
        if let Some(ms) = entry.expires_ms() {
            self.0.remove(&Due { ms, entry: entry.clone() });
        }
    }

    /// The next deadline, in milliseconds since the Unix epoch.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.0.first().map(|due| due.ms)
    }

    /// Keys whose deadline has come, at most so many.
    pub(super) fn due(&self, now_ms: u64, most: usize) -> Vec<Packed> {
        self.0.iter().take_while(|due| due.ms <= now_ms).take(most).map(|due| due.entry.clone()).collect()
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        self.ms.cmp(&other.ms).then_with(|| self.entry.key().cmp(other.entry.key()))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}
