//! Places for requests in flight.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::body::Guard;

/// How many places there are, and how many are taken. A count alone: nothing else is read by it, so no order is needed.
#[derive(Debug)]
pub(super) struct Places {
    limit: AtomicUsize,
    taken: AtomicUsize,
}

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: AtomicUsize::new(limit), taken: AtomicUsize::new(0) }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// Fewer than are taken: nobody is sent away, and nobody gets in until enough have left.
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
    }
}

/// One request's place; free again when this is dropped.
#[derive(Debug)]
pub struct Permit {
    places: Arc<Places>,
}

impl Guard for Permit {}

impl Permit {
    /// A place, if there is one now.
    pub(super) fn take(places: &Arc<Places>) -> Option<Self> {
        let limit = places.limit();
        let one_more = |taken| (taken < limit).then_some(taken + 1);
        places.taken.fetch_update(Relaxed, Relaxed, one_more).ok()?;
        Some(Self { places: Arc::clone(places) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Relaxed);
    }
}
