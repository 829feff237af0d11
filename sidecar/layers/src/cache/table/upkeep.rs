//! What reaches the table from outside of requests: another policy, a purge, and what a feed of changes tells.
//!
//! Each takes a shard's lock at a time. A load that begins in a shard after its turn began after the purge did.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use tokio::time::Instant;

use super::{CachePolicy, Table};
use crate::cache::{FeedState, Purge, Purged};

impl Table {
    /// Puts another policy in force. What was kept or begun goes, where the new one judges it differently; where the
    /// bound is smaller, as much as it takes. When this returns, nobody joins a load that may last longer than the new
    /// one's.
    pub(in crate::cache) fn set_policy(&self, policy: CachePolicy) {
        let next = self.live.load().followed_by(policy);
        let generation = next.generation();
        let hastens = next.load_timeout < self.policy().load_timeout;
        self.order.lock().set_room(next.max_bytes);
        self.live.store(Arc::new(next));
        if self.generation.swap(generation, SeqCst) != generation {
            self.discard(&Purge::All);
        } else if hastens {
            self.detach_loads();
        }
        self.make_room(0);
    }

    /// Lets nobody join the loads that are under way.
    fn detach_loads(&self) {
        for shard in &self.shards {
            let resources = shard.lock().beginning_with(b"");
            for resource in resources {
                let flights = shard.lock().detach_all(&resource);
                drop(flights);
            }
        }
    }

    /// Drops what is kept of some resources, and lets nobody join the loads that are under way.
    pub(in crate::cache) fn purge(&self, what: &Purge) -> Purged {
        self.writes.happened();
        let purged = self.discard(what);
        self.metrics.purged.inc_by(purged.answers);
        purged
    }

    /// A resource has changed, by a write that did not pass here.
    pub(in crate::cache) fn changed(&self, resource: &[u8]) {
        self.writes.happened();
        self.invalidate(resource);
    }

    /// Where the feed of changes stands.
    pub(in crate::cache) fn set_feed(&self, state: FeedState) {
        self.feed.store(state as u8, SeqCst);
    }

    pub(super) fn feed(&self) -> FeedState {
        FeedState::of(self.feed.load(SeqCst))
    }

    /// A purge that nobody asked for.
    pub(in crate::cache) fn discard(&self, what: &Purge) -> Purged {
        let mut purged = Purged::default();
        match what {
            Purge::Resource(resource) => self.discard_one(resource, &mut purged),
            Purge::Beginning(prefix) => self.discard_all(prefix, &mut purged),
            Purge::All => self.discard_all(b"", &mut purged),
        }
        purged
    }

    fn discard_one(&self, resource: &[u8], purged: &mut Purged) {
        let cleared = self.shard(resource).lock().clear(resource, true, Instant::now());
        purged.loads += cleared.flights.len() as u64;
        purged.answers += cleared.stored.len() as u64;
        purged.bytes += cleared.stored.iter().map(|stored| stored.weight()).sum::<u64>();
        self.released(cleared.stored);
    }

    fn discard_all(&self, prefix: &[u8], purged: &mut Purged) {
        for shard in &self.shards {
            // Loads that begin between the look and the turn of their resource are discarded as well, which harms nobody.
            let resources = shard.lock().beginning_with(prefix);
            for resource in resources {
                self.discard_one(&resource, purged);
            }
        }
    }
}
