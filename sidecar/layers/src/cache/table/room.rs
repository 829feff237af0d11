//! The bound in bytes: what is stored takes of it, and the least of all entries makes room.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use tokio::time::Instant;

use super::Table;
use crate::cache::stored::Stored;

impl Table {
    /// Takes `weight` bytes of the bound, from other entries where need be. False: it does not fit, or
    /// those are worth more.
    pub(super) fn reserve(&self, weight: u64, fingerprint: u64) -> bool {
        let bound = self.policy().max_bytes;
        if weight > bound {
            return false;
        }
        let fits = self.used.load(Relaxed).checked_add(weight).is_some_and(|sum| sum <= bound);
        if !self.order.lock().admits(weight, fingerprint, fits) || !self.make_room(weight) {
            return false;
        }
        self.metrics.bytes.inc_by(weight.cast_signed());
        true
    }

    /// Takes out the least of all entries until so many bytes of the bound are free, and takes those. False: they will
    /// not be.
    pub(super) fn make_room(&self, weight: u64) -> bool {
        let sum = |used: u64| used.checked_add(weight).filter(|sum| *sum <= self.policy().max_bytes);
        while self.used.fetch_update(Relaxed, Relaxed, sum).is_err() {
            let Some(evicted) = self.order.lock().evict() else {
                return false;
            };
            let removed = self.take(&evicted);
            self.metrics.evicted.inc_by(u64::from(removed.is_some()));
            self.released(removed);
        }
        true
    }

    /// Takes a stored answer out. `None`: it is out already.
    pub(super) fn take(&self, stored: &Arc<Stored>) -> Option<Arc<Stored>> {
        let mut shard = self.shard(&stored.key.resource).lock();
        let removed = shard.remove(stored);
        shard.prune(&stored.key, Instant::now());
        removed
    }

    /// Counts what is not stored any more.
    pub(super) fn released(&self, stored: impl IntoIterator<Item = Arc<Stored>>) {
        for stored in stored {
            self.used.fetch_sub(stored.weight(), Relaxed);
            self.metrics.bytes.dec_by(stored.weight().cast_signed());
            self.metrics.entries.dec();
        }
    }
}
