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

mod live;
mod upkeep;

use std::{
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;
use http::HeaderMap;
use tokio::time::Instant;

use super::{
    CacheMetrics, CachePolicy, FillFailed,
    account::{Trouble, Variant},
    classify::Reach,
    eviction::Order,
    feed::FeedState,
    fill::Fill,
    flight::Flight,
    found::{Found, Kept},
    key::CacheKey,
    shard::Shard,
    stale::Use,
    status::Forwarded,
    stored::Stored,
    vary::VaryNames,
    writes::{Effect, Epoch, Writes},
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

    /// A stored answer to be served at once, if there is one.
    pub(super) fn kept(self: &Arc<Self>, key: &CacheKey, headers: &HeaderMap) -> Option<Kept> {
        let mut shard = self.shard(&key.resource).lock();
        self.kept_in(&mut shard, key, headers, self.writes.epoch()).ok()
    }

    /// The stored answer to be served in place of a failure, if there is one.
    pub(super) fn in_place_of_failure(&self, key: &CacheKey, headers: &HeaderMap) -> Option<Arc<Stored>> {
        // Where nothing is kept, no load pays for this look.
        if self.used.load(Relaxed) == 0 {
            return None;
        }
        let (now, mut shard) = (Instant::now(), self.shard(&key.resource).lock());
        if !self.is_in_force(key) {
            return None;
        }
        let variant = shard.account(key)?.variant(headers)?;
        let (stored, epoch) = (&variant.stored, self.writes.epoch());
        let covers = match self.feed() {
            FeedState::Behind => stored.stands_in(headers, now, epoch),
            FeedState::Current if key.is_about_many() && !stored.is_unwritten(epoch) => false,
            FeedState::Current | FeedState::None => stored.covers_failure(headers, now, epoch),
        };
        covers.then(|| Arc::clone(&variant.stored))
    }

    /// Whether nothing is stored.
    pub(super) fn is_empty(&self) -> bool {
        self.used.load(Relaxed) == 0
    }

    /// What is stored for a request with these headers, be it fresh or not.
    pub(super) fn variant(&self, key: &CacheKey, headers: &HeaderMap) -> Option<Variant> {
        if self.used.load(Relaxed) == 0 {
            return None;
        }
        let mut shard = self.shard(&key.resource).lock();
        if !self.is_in_force(key) {
            return None;
        }
        shard.account(key)?.variant(headers).cloned()
    }

    /// Removes a stored answer that was found to be outdated, if it is still there.
    pub(super) fn remove(&self, variant: &Variant) {
        let removed = self.take(&variant.stored);
        self.released(removed);
    }

    /// What a GET with `headers` finds for `key`. `expected`: the `Vary` of an answer that was not for
    /// it, so that it joins no load whose answer would not be for it either.
    pub(super) fn find(
        self: &Arc<Self>,
        key: &CacheKey,
        headers: &HeaderMap,
        expected: Option<&VaryNames>,
    ) -> Found {
        self.find_in(&mut self.shard(&key.resource).lock(), key, headers, expected)
    }

    /// The stored answer to be served at once, or else why there is none.
    fn kept_in(
        self: &Arc<Self>,
        shard: &mut Shard,
        key: &CacheKey,
        headers: &HeaderMap,
        epoch: Epoch,
    ) -> Result<Kept, Forwarded> {
        let now = Instant::now();
        if !self.is_in_force(key) {
            return Err(Forwarded::Miss);
        }
        let account = shard.account(key).ok_or(Forwarded::Miss)?;
        let variant = account.variant(headers).cloned().ok_or(Forwarded::Miss)?;
        let in_trouble = account.is_in_trouble(now);
        let stored = Arc::clone(&variant.stored);
        match self.feed() {
            FeedState::Behind if in_trouble && stored.stands_in(headers, now, epoch) => {
                return Ok(Kept::Resting(stored));
            }
            // Nobody knows what has changed.
            FeedState::Behind => return Err(Forwarded::Stale),
            // A listing that is older than a change; single resources were dropped by name.
            FeedState::Current if key.is_about_many() && !stored.is_unwritten(epoch) => {
                return Err(Forwarded::Stale);
            }
            FeedState::Current | FeedState::None => {}
        }
        let kept = match stored.use_for(headers, now, epoch) {
            Use::Fresh => Kept::Fresh(stored),
            Use::WhileRevalidate if in_trouble => Kept::Stale { stored, refresh: None },
            Use::WhileRevalidate => {
                let refresh = self.refresh_in(shard, key, headers, epoch, &variant);
                Kept::Stale { stored, refresh }
            }
            Use::IfError if in_trouble => Kept::Resting(stored),
            Use::NotThis if stored.left(now).is_some() => return Err(Forwarded::Request),
            // What is spent stays until an answer takes its place: it may turn out to be current.
            Use::IfError | Use::NotThis | Use::Spent => return Err(Forwarded::Stale),
        };
        shard.visit(kept.stored());
        Ok(kept)
    }

    /// Begins a load for the store, unless one is in progress that will do. None during a write, whose end
    /// would discard it.
    fn refresh_in(
        self: &Arc<Self>,
        shard: &mut Shard,
        key: &CacheKey,
        headers: &HeaderMap,
        epoch: Epoch,
        stale: &Variant,
    ) -> Option<Fill> {
        let now = Instant::now();
        let about_many = key.is_about_many();
        if shard.is_written(&key.resource) || self.writes.are_in_progress(about_many) {
            return None;
        }
        let account = shard.account(key)?;
        let expected = account.expected_vary();
        let is_refreshed = account.flights().any(|flight| {
            flight.began.stands(epoch, about_many) && flight.is_for(headers, expected.as_ref())
        });
        if is_refreshed || account.is_unshared(now) || account.is_crowded() {
            return None;
        }
        let flight = Flight::refresh(self, key.clone(), headers.clone(), epoch);
        account.attach(Arc::clone(&flight));
        Some(Fill::new(Arc::clone(self), flight, None, Some(stale.clone())))
    }

    fn find_in(
        self: &Arc<Self>,
        shard: &mut Shard,
        key: &CacheKey,
        headers: &HeaderMap,
        expected: Option<&VaryNames>,
    ) -> Found {
        let now = Instant::now();
        if !self.is_in_force(key) {
            return Found::Outdated;
        }
        let why = match self.kept_in(shard, key, headers, self.writes.epoch()) {
            Ok(kept) => return Found::Kept(kept),
            Err(why) => why,
        };
        let about_many = key.is_about_many();
        // In this order: of a write that ends between the two looks, the later one sees the end.
        let written = shard.is_written(&key.resource) || self.writes.are_in_progress(about_many);
        let epoch = self.writes.epoch();
        let account = shard.account_or_new(key);
        if let Some(failure) = account.failure(now) {
            return Found::Failed(failure.clone());
        }
        if account.is_unshared(now) {
            return Found::Unshared;
        }
        let expected = expected.cloned().or_else(|| account.expected_vary());
        let joined = account
            .flights()
            .filter(|flight| flight.began.stands(epoch, about_many))
            .filter(|flight| !written || !flight.has_departed())
            .find_map(|flight| flight.join(self, headers, expected.as_ref()));
        if let Some(seat) = joined {
            return Found::Joined(seat, why);
        }
        if account.is_crowded() {
            return Found::Crowded;
        }
        let agrees = |flight: &&Arc<Flight>| {
            expected.as_ref().is_none_or(|names| names.agree(&flight.request, headers))
        };
        let before = account.flights().filter(|_| written).find(agrees).cloned();
        let (flight, seat) = Flight::begin(self, key.clone(), headers.clone(), epoch);
        account.attach(Arc::clone(&flight));
        let fill = Fill::new(Arc::clone(self), flight, before, account.variant(headers).cloned());
        Found::Leads { seat, fill, why }
    }

    /// A load for a GET that wants the upstream's answer of now. It joins none, and nobody joins those that
    /// began before it any more: what they store would be older than what it stores.
    pub(super) fn reload(self: &Arc<Self>, key: &CacheKey, headers: &HeaderMap) -> Found {
        // Before the lock, so that they are dropped after it.
        let mut older = Vec::new();
        let mut shard = self.shard(&key.resource).lock();
        if !self.is_in_force(key) {
            return Found::Outdated;
        }
        let account = shard.account_or_new(key);
        if account.is_unshared(Instant::now()) {
            return Found::Unshared;
        }
        let expected = account.expected_vary();
        let agrees = |flight: &&Arc<Flight>| {
            expected.as_ref().is_none_or(|names| names.agree(&flight.request, headers))
        };
        older.extend(account.flights().filter(agrees).cloned());
        older.retain(|flight| account.detach(flight));
        if account.is_crowded() {
            return Found::Crowded;
        }
        let (flight, seat) = Flight::begin(self, key.clone(), headers.clone(), self.writes.epoch());
        account.attach(Arc::clone(&flight));
        let fill = Fill::new(Arc::clone(self), flight, None, account.variant(headers).cloned());
        Found::Leads { seat, fill, why: Forwarded::Request }
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

    /// Takes `weight` bytes of the bound, from other entries where need be. False: it does not fit, or
    /// those are worth more.
    fn reserve(&self, weight: u64, fingerprint: u64) -> bool {
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
    fn make_room(&self, weight: u64) -> bool {
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
    fn take(&self, stored: &Arc<Stored>) -> Option<Arc<Stored>> {
        let mut shard = self.shard(&stored.key.resource).lock();
        let removed = shard.remove(stored);
        shard.prune(&stored.key, Instant::now());
        removed
    }

    /// Counts what is not stored any more.
    fn released(&self, stored: impl IntoIterator<Item = Arc<Stored>>) {
        for stored in stored {
            self.used.fetch_sub(stored.weight(), Relaxed);
            self.metrics.bytes.dec_by(stored.weight().cast_signed());
            self.metrics.entries.dec();
        }
    }
}
