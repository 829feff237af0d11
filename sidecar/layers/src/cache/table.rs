//! The table of flights and stored answers: sharded, bounded in bytes, and linearizable against writes.
//!
//! A flight answers only requests that find it attached, and its answer is stored only while it is
//! attached, both under the shard's lock. A write detaches the resource's flights when it begins and
//! again when it ends, before its answer goes out. So no flight that began before a write's
//! acknowledgement answers a request that arrives after it, now or from the store.
//!
//! While a write is in progress its effect may be visible, or not yet. So that no client sees it come and
//! go, a request then joins only a load that has not departed for the upstream; the next load departs
//! when the one before it is answered, which keeps a stampede at one load at a time.
//!
//! Locks: a shard's, and within it a flight's or the order's of eviction; never the other way round, never
//! two shards'. None is held across an await, and so across IO: the functions here that lock are not
//! async, and parking_lot's guards are not `Send` (its feature `send_guard` is off), so that a load that
//! held one would not compile. Answers are dropped outside of the locks.
//!
//! Bytes of loads in progress are not stored bytes. A load holds its body up to `max_object_bytes`, of a longer
//! one so much and a chunk; while it is stored there are two copies. Loads are bounded by the requests in flight,
//! and by one refresh for each stored answer.
//!
//! The entries are sharded, for every request looks for one. The order of eviction is one for all shards:
//! only what is stored or removed locks it, after a load or a write; and the least of all entries makes room,
//! whichever shard it is in.

mod find;
mod live;
mod room;
mod upkeep;

use std::{
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::{
    CacheMetrics, CachePolicy, FillFailed,
    account::{Trouble, Variant},
    classify::Reach,
    eviction::Order,
    feed::FeedState,
    flight::Flight,
    key::CacheKey,
    shard::Shard,
    stale::Use,
    stored::Stored,
    writes::{Effect, Writes},
};
use crate::runtime::{AtomicU64, Mutex, RandomState};
use live::Live;

/// Shards: enough that a few threads seldom meet.
const SHARDS: usize = 16;

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    live: ArcSwap<Live>,
    /// That of the policy in force.
    generation: AtomicU32,
    /// A [`FeedState`].
    feed: AtomicU8,
    pub(super) metrics: CacheMetrics,
    shards: [Mutex<Shard>; SHARDS],
    order: Arc<Mutex<Order<Arc<Stored>>>>,
    hasher: RandomState,
    /// Bytes of stored answers.
    used: AtomicU64,
    writes: Writes,
}

impl Table {
    pub(super) fn new(policy: CachePolicy, metrics: CacheMetrics) -> Self {
        let order = Arc::new(Mutex::new(Order::new(policy.max_bytes)));
        Self {
            live: ArcSwap::from_pointee(Live::first(policy)),
            generation: AtomicU32::new(0),
            feed: AtomicU8::new(FeedState::None as u8),
            metrics,
            shards: std::array::from_fn(|_| Mutex::new(Shard::new(Arc::clone(&order)))),
            order,
            hasher: RandomState::default(),
            used: AtomicU64::new(0),
            writes: Writes::default(),
        }
    }

    /// Removes a stored answer that was found to be outdated, if it is still there.
    pub(super) fn remove(&self, variant: &Variant) {
        let removed = self.take(&variant.stored);
        self.released(removed);
    }

    /// Lets nobody join a flight any more, and forgets its answer. False: that was so already.
    pub(super) fn detach(&self, flight: &Arc<Flight>) -> bool {
        let shard = self.shard(&flight.key.resource);
        shard.lock().detach(flight, Instant::now())
    }

    /// The answer of a flight is for its leader only: lets others go on their own for a while.
    pub(super) fn remember_unshared(&self, flight: &Arc<Flight>) {
        let now = Instant::now();
        let until = now + self.policy().unshared_ttl;
        let mut superseded = None;
        {
            let mut shard = self.shard(&flight.key.resource).lock();
            if shard.supersede(flight, now, &mut superseded) && until > now {
                shard.account_or_new(&flight.key).keep_unshared(until);
                shard.mark(&flight.key, until, now);
            }
        }
        self.released(superseded);
    }

    /// Detaches a flight whose answer is not stored, and removes the stale answer that it replaces.
    pub(super) fn supersede(&self, flight: &Arc<Flight>) {
        let mut superseded = None;
        self.shard(&flight.key.resource).lock().supersede(flight, Instant::now(), &mut superseded);
        self.released(superseded);
    }

    /// The answer of a flight is a failure: whether a stored answer outlasts it. If so, that is served
    /// without another load for a while.
    pub(super) fn rest(&self, flight: &Arc<Flight>) -> bool {
        let now = Instant::now();
        let until = now + self.policy().error_ttl;
        let mut shard = self.shard(&flight.key.resource).lock();
        let Some(account) = shard.account(&flight.key).filter(|account| account.is_attached(flight)) else {
            return false;
        };
        let epoch = self.writes.epoch();
        let outlasts = account
            .variant(&flight.request)
            .is_some_and(|variant| variant.stored.use_for(&flight.request, now, epoch) != Use::Spent);
        if outlasts && until > now {
            account.keep_trouble(Trouble::FailedAnswer, until);
            shard.mark(&flight.key, until, now);
        }
        outlasts
    }

    /// A flight failed: keeps the failure for a while, unless a write came between.
    pub(super) fn remember_failure(&self, flight: &Arc<Flight>, why: &FillFailed) {
        let now = Instant::now();
        let until = now + self.policy().error_ttl;
        let mut shard = self.shard(&flight.key.resource).lock();
        if shard.detach(flight, now) && until > now && self.stands(flight) {
            shard.account_or_new(&flight.key).keep_trouble(Trouble::NoAnswer(why.clone()), until);
            shard.mark(&flight.key, until, now);
        }
    }

    /// Stores the answer of a flight and detaches it, unless a write came between or it is not worth its room.
    pub(super) fn store(&self, flight: &Arc<Flight>, stored: Stored) {
        let fingerprint = self.hasher.hash_one(&flight.key);
        self.shard(&flight.key.resource).lock().recall(flight);
        if !self.stands(flight) || !self.reserve(stored.weight(), fingerprint) {
            self.supersede(flight);
            return;
        }
        self.metrics.entries.inc();
        let removed = {
            let mut shard = self.shard(&flight.key.resource).lock();
            shard.store(flight, stored, fingerprint)
        };
        self.released(removed);
        // A smaller bound may have come meanwhile.
        if self.used.load(Relaxed) > self.policy().max_bytes {
            self.make_room(0);
        }
    }

    /// A write begins: what loads now may be from before it.
    pub(super) fn write_begins(&self, resource: &Arc<[u8]>, reach: Reach) {
        self.writes.begun(reach);
        let flights = {
            let mut shard = self.shard(resource).lock();
            shard.write_begins(resource);
            shard.detach_all(resource)
        };
        drop(flights);
    }

    /// A write ended, and its answer has not gone out yet. Where it may have taken effect, what is stored
    /// goes too.
    pub(super) fn write_ends(&self, resource: &[u8], reach: Reach, effect: Effect) {
        self.writes.ended(reach, effect);
        let cleared = {
            let mut shard = self.shard(resource).lock();
            shard.write_ends(resource);
            shard.clear(resource, effect != Effect::None, Instant::now())
        };
        drop(cleared.flights);
        self.released(cleared.stored);
    }

    /// Detaches the flights of a resource, and removes what is stored of it.
    pub(super) fn invalidate(&self, resource: &[u8]) {
        let cleared = self.shard(resource).lock().clear(resource, true, Instant::now());
        drop(cleared.flights);
        self.released(cleared.stored);
    }

    fn stands(&self, flight: &Flight) -> bool {
        flight.began.stands(self.writes.epoch(), flight.key.is_about_many())
    }

    fn shard(&self, resource: &[u8]) -> &Mutex<Shard> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
        let index = self.hasher.hash_one(resource) as usize % SHARDS;
        &self.shards[index]
    }
}
