//! What an entry itself carries of the order of eviction, so that a hit and a removal find it without a
//! search and without the order's lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

const GONE: u64 = u64::MAX;

/// Hits since they were last looked at, and the place in the order. The place changes under the order's
/// lock only.
#[derive(Debug)]
pub(in crate::cache) struct Rank {
    place: AtomicU64,
    hits: AtomicU32,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere (yet, or any more).
    Gone,
    /// Among those that came last.
    Young(u64),
    /// Among the others.
    Main(usize),
}

impl Rank {
    /// That of an entry which is in no order yet.
    pub(in crate::cache) fn new() -> Self {
        Self { place: AtomicU64::new(GONE), hits: AtomicU32::new(0) }
    }

    /// Notes a hit.
    pub(in crate::cache) fn visit(&self) {
        self.hits.fetch_add(1, Relaxed);
    }

    /// The hits since the last call.
    pub(super) fn take_hits(&self) -> u32 {
        self.hits.swap(0, Relaxed)
    }

    pub(super) fn place(&self) -> Place {
        match self.place.load(Relaxed) {
            GONE => Place::Gone,
            place if place % 2 == 1 => Place::Young(place / 2),
            place => usize::try_from(place / 2).map_or(Place::Gone, Place::Main),
        }
    }

    pub(super) fn set_young(&self, place: u64) {
        self.place.store(place * 2 + 1, Relaxed);
    }

    pub(super) fn set_main(&self, index: usize) {
        self.place.store(index as u64 * 2, Relaxed);
    }

    pub(super) fn set_gone(&self) {
        self.place.store(GONE, Relaxed);
    }
}
