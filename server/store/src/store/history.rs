//! The last changes, in the order of the log, for watchers that follow and for cursors that look back. Bounded: the
//! oldest revisions go first, each as a whole.

use std::collections::VecDeque;

use super::entry::Packed;

/// The most changes that are kept.
pub(super) const EVENTS: usize = 64 << 10;

/// One change of one key.
#[derive(Clone)]
pub(super) struct Happening {
    pub(super) revision: u64,
    pub(super) written_ms: u64,
    /// Whether a deadline did it.
    pub(super) expired: bool,
    pub(super) before: Option<Packed>,
    pub(super) after: Option<Packed>,
}

impl Happening {
    /// The entry that names the key: a change has one on at least one side.
    pub(super) fn entry(&self) -> Option<&Packed> {
        self.after.as_ref().or(self.before.as_ref())
    }

    pub(super) fn key(&self) -> &[u8] {
        self.entry().map_or(&[], Packed::key)
    }
}

/// The changes behind one revision up to the present one.
pub(super) struct History {
    happenings: VecDeque<Happening>,
    /// All changes behind this revision are here.
    oldest: u64,
    /// What is kept in memory for the history alone, in bytes.
    bytes: u64,
    limit: u64,
}

impl History {
    /// At most `limit` bytes are kept for it alone.
    pub(super) fn new(limit: u64) -> Self {
        Self { happenings: VecDeque::new(), oldest: 0, bytes: 0, limit }
    }

    /// All changes behind this revision are here.
    pub(super) fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Takes note only of what happens behind a revision that is still to come.
    pub(super) fn begin_at(&mut self, revision: u64) {
        self.oldest = self.oldest.max(revision);
    }

    /// The next change. It is never let go before [`trim`](Self::trim).
    pub(super) fn push(&mut self, happening: Happening) {
        if happening.revision <= self.oldest {
            return;
        }
        self.bytes += cost(&happening);
        self.happenings.push_back(happening);
    }

    /// Lets the oldest revisions go, as many as are too much. Called between revisions only.
    pub(super) fn trim(&mut self) {
        while self.happenings.len() > EVENTS || self.bytes > self.limit {
            let Some(revision) = self.happenings.front().map(|first| first.revision) else { return };
            while let Some(first) = self.happenings.pop_front_if(|first| first.revision == revision) {
                self.bytes -= cost(&first);
            }
            self.oldest = revision;
        }
    }

    /// The changes behind a revision that is not older than the oldest.
    pub(super) fn behind(&self, revision: u64) -> impl Iterator<Item = &Happening> {
        let from = self.happenings.partition_point(|happening| happening.revision <= revision);
        self.happenings.range(from..)
    }
}

/// The present entry is kept by the index; the one before by nobody else.
fn cost(happening: &Happening) -> u64 {
    const PLACE: u64 = size_of::<Happening>() as u64;
    PLACE + happening.before.as_ref().map_or(0, Packed::weight)
}
