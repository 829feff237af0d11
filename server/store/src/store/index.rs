//! Everything applied, in memory. Point reads go to the shards; whatever depends on the order of keys or of changes
//! stands behind one lock, which the applier holds for the length of one change and a scan for one stride.
//!
//! It holds what is applied and knows nothing of what is under way.

mod filling;

pub(super) use self::filling::Filling;
use std::{
    ops::ControlFlow,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;
use smallvec::SmallVec;

use super::{
    PastError,
    deadlines::Deadlines,
    entry::{LOGGED, OVERHEAD, Packed, Parts},
    head::Known,
    history::{Happening, History},
    ordered::Ordered,
    range::KeyRange,
    requests::Requests,
    shards::{Becomes, Shards},
    view::{Portion, View},
};
use crate::{Change, Effect, LogEntry, Record, SnapshotError, StateHash};

/// The most that is kept of the assembly room, in bytes.
const SCRATCH: usize = 64 << 10;

pub(super) struct Index {
    shards: Shards,
    sequenced: RwLock<Sequenced>,
    keys: AtomicU64,
    memory_bytes: AtomicU64,
    last_revision: AtomicU64,
    /// The most that a view may note and that the history may keep for itself, in bytes.
    share: u64,
}

/// What depends on an order.
pub(super) struct Sequenced {
    pub(super) ordered: Ordered,
    pub(super) history: History,
    pub(super) deadlines: Deadlines,
    pub(super) requests: Requests,
    pub(super) hash: StateHash,
    views: Vec<Weak<View>>,
    /// Whether the keys are in order: while a log is replayed nobody asks, and sorting once may be cheaper.
    is_ordered: bool,
    /// Room in which entries are assembled.
    scratch: Vec<u8>,
}

impl Index {
    /// An empty one; `memory_limit` is what the store may hold, in bytes.
    fn new(memory_limit: u64) -> Self {
        let share = (memory_limit / 16).max(1 << 20);
        Self {
            shards: Shards::new(),
            sequenced: RwLock::new(Sequenced {
                ordered: Ordered::new(),
                history: History::new(share),
                deadlines: Deadlines::default(),
                requests: Requests::default(),
                hash: StateHash::default(),
                views: Vec::new(),
                is_ordered: true,
                scratch: Vec::new(),
            }),
            keys: AtomicU64::new(0),
            memory_bytes: AtomicU64::new(0),
            last_revision: AtomicU64::new(0),
            share,
        }
    }

    /// Looks at a key's present entry, expired or not.
    pub(super) fn find<T>(&self, key: &[u8], read: impl FnOnce(&Packed) -> T) -> Option<T> {
        self.shards.find(key, read)
    }

    pub(super) fn known(&self, key: &[u8]) -> Option<Known> {
        self.find(key, Known::of)
    }

    /// Applies the next entry of the log. One caller at a time, in log order.
    pub(super) fn apply(&self, sequence: u64, record: &Record) {
        self.apply_to(&mut self.sequenced.write(), sequence, record);
    }

    /// Applies the next entries of the log under one hold of the lock.
    pub(super) fn apply_all(&self, entries: &[LogEntry]) {
        let mut sequenced = self.sequenced.write();
        for entry in entries {
            self.apply_to(&mut sequenced, entry.sequence, &entry.record);
        }
    }

    /// Looks at what depends on an order. Changes wait meanwhile.
    pub(super) fn sequenced<T>(&self, read: impl FnOnce(&Sequenced) -> T) -> T {
        read(&self.sequenced.read())
    }

    /// Forgets the requests from before `ms`.
    pub(super) fn forget_requests_before(&self, ms: u64) {
        let mut sequenced = self.sequenced.write();
        let before = sequenced.requests.bytes();
        sequenced.requests.forget_before(ms);
        self.memory_bytes.fetch_sub(before - sequenced.requests.bytes(), Ordering::Relaxed);
    }

    pub(super) fn keys(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// What a snapshot of it takes in the log, estimated, in bytes.
    pub(super) fn live_bytes(&self) -> u64 {
        self.memory_bytes().saturating_sub(self.keys() * (OVERHEAD - LOGGED))
    }

    /// The sequence of the last entry applied.
    pub(super) fn last_revision(&self) -> u64 {
        self.last_revision.load(Ordering::Acquire)
    }

    /// A view of the present keys, and what else is to be seen at that moment.
    pub(super) fn view<T>(
        &self,
        range: KeyRange,
        reverse: bool,
        now_ms: u64,
        also: impl FnOnce(&Sequenced) -> T,
    ) -> (Arc<View>, T) {
        let mut sequenced = self.sequenced.write();
        let view = Arc::new(View::new(self.last_revision(), now_ms, range, reverse, self.share));
        sequenced.views.push(Arc::downgrade(&view));
        (view, also(&sequenced))
    }

    /// A view of the keys as they were at a revision, as far back as the history goes.
    pub(super) fn view_at(
        &self,
        revision: u64,
        range: KeyRange,
        reverse: bool,
        now_ms: u64,
    ) -> Result<Arc<View>, PastError> {
        let mut sequenced = self.sequenced.write();
        sequenced.reaches(revision, self.last_revision())?;
        let view = Arc::new(View::new(revision, now_ms, range, reverse, self.share));
        for happening in sequenced.history.behind(revision) {
            view.note(happening.key(), happening.before.as_ref());
        }
        sequenced.views.push(Arc::downgrade(&view));
        Ok(view)
    }

    /// The next entries of a view; none at its end.
    pub(super) fn read(&self, view: &View, portion: &mut Portion) -> Result<Vec<Packed>, SnapshotError> {
        let mut found = Vec::new();
        // Changes get their turn between the strides.
        while let ControlFlow::Continue(()) =
            self.sequenced(|sequenced| view.read(&sequenced.ordered, portion, &mut found))?
        {}
        Ok(found)
    }

    fn apply_to(&self, sequenced: &mut Sequenced, sequence: u64, record: &Record) {
        if let [change] = &record.changes[..] {
            let after = sequenced.pack(sequence, record.written_ms, change);
            let before = self.shards.set(becomes(change, after.as_ref()));
            self.changed(sequenced, sequence, record.written_ms, change, before, after);
        } else {
            let pack = |change| sequenced.pack(sequence, record.written_ms, change);
            let after: SmallVec<[_; 1]> = record.changes.iter().map(pack).collect();
            let all =
                record.changes.iter().zip(&after).map(|(change, after)| becomes(change, after.as_ref()));
            let before = self.shards.set_all(all);
            for ((change, before), after) in record.changes.iter().zip(before).zip(after) {
                self.changed(sequenced, sequence, record.written_ms, change, before, after);
            }
        }
        if let Some(remembered) = &record.remembered {
            let before = sequenced.requests.bytes();
            sequenced.requests.remember(sequence, record.written_ms, remembered);
            self.memory_bytes.fetch_add(sequenced.requests.bytes() - before, Ordering::Relaxed);
        }
        sequenced.history.trim();
        self.last_revision.store(sequence, Ordering::Release);
    }

    /// Follows the change of one key in all that depends on it.
    fn changed(
        &self,
        sequenced: &mut Sequenced,
        revision: u64,
        written_ms: u64,
        change: &Change,
        before: Option<Packed>,
        after: Option<Packed>,
    ) {
        self.count(before.as_ref(), after.as_ref());
        if before.is_none() && after.is_none() {
            return;
        }
        sequenced.views.retain(|view| {
            view.upgrade().is_some_and(|view| {
                view.note(&change.key, before.as_ref());
                true
            })
        });
        if let Some(before) = &before {
            sequenced.hash.remove(before.hashed());
            sequenced.deadlines.remove(before);
        }
        if let Some(after) = &after {
            sequenced.hash.add(after.hashed());
            sequenced.deadlines.insert(after);
        }
        if sequenced.is_ordered {
            match &after {
                Some(after) => sequenced.ordered.insert(after.clone()),
                None => sequenced.ordered.remove(&change.key),
            }
        }
        let expired = matches!(change.effect, Effect::Expire);
        sequenced.history.push(Happening { revision, written_ms, expired, before, after });
    }

    fn count(&self, before: Option<&Packed>, after: Option<&Packed>) {
        match (before, after) {
            (None, Some(_)) => drop(self.keys.fetch_add(1, Ordering::Relaxed)),
            (Some(_), None) => drop(self.keys.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        self.memory_bytes.fetch_add(after.map_or(0, Packed::weight), Ordering::Relaxed);
        self.memory_bytes.fetch_sub(before.map_or(0, Packed::weight), Ordering::Relaxed);
    }
}

impl Sequenced {
    /// Whether everything behind a revision is still known.
    pub(super) fn reaches(&self, revision: u64, last: u64) -> Result<(), PastError> {
        let oldest = self.history.oldest();
        match revision {
            _ if revision > last => Err(PastError::Future { revision, last }),
            _ if revision < oldest => Err(PastError::Compacted { revision, oldest }),
            _ => Ok(()),
        }
    }

    fn pack(&mut self, revision: u64, written_ms: u64, change: &Change) -> Option<Packed> {
        let Effect::Put { value, media_type, expires_ms } = &change.effect else { return None };
        let media_type = media_type.as_deref();
        let parts =
            Parts { revision, written_ms, key: &change.key, value, media_type, expires_ms: *expires_ms };
        self.scratch.shrink_to(SCRATCH);
        Some(Packed::new(parts, &mut self.scratch))
    }
}

fn becomes<'a>(change: &'a Change, after: Option<&Packed>) -> Becomes<'a> {
    after.map_or(Becomes::Absent(&change.key), |after| Becomes::Present(after.clone()))
}
