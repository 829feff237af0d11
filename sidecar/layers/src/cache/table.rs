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
//! Locks: a shard's, and within it a flight's; never the other way round, never two shards', never
//! across an await.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use http::HeaderMap;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    CacheMetrics, CachePolicy, FillFailed,
    classify::Reach,
    fill::Fill,
    flight::{Flight, Seat},
    key::CacheKey,
    shard::Shard,
    stored::Stored,
    vary::VaryNames,
    writes::Writes,
};

/// Shards: enough that a few threads seldom meet, few enough that each orders many entries.
const SHARDS: usize = 16;

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) policy: CachePolicy,
    pub(super) metrics: CacheMetrics,
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    /// Bytes of stored answers.
    used: AtomicU64,
    /// The shard that makes room next.
    turn: AtomicUsize,
    writes: Writes,
}

/// What a GET finds.
#[derive(Debug)]
pub(super) enum Found {
    /// A fresh stored answer.
    Hit(Arc<Stored>),
    /// A failure that is kept.
    Failed(FillFailed),
    /// A load that another began.
    Joined(Seat),
    /// A load that this request is to begin. Not to run it fails it.
    Leads {
        /// The place of this request.
        seat: Seat,
        /// The load.
        fill: Fill,
        /// Whether a stale stored answer was there.
        stale: bool,
    },
    /// It goes on its own, because the answers of its key are not shared.
    Unshared,
    /// It goes on its own, because too many loads of its key are in progress.
    Crowded,
}

impl Table {
    pub(super) fn new(policy: CachePolicy, metrics: CacheMetrics) -> Self {
        Self {
            policy,
            metrics,
            shards: std::array::from_fn(|_| Mutex::new(Shard::new())),
            hasher: RandomState::new(),
            used: AtomicU64::new(0),
            turn: AtomicUsize::new(0),
            writes: Writes::default(),
        }
    }

    /// A fresh stored answer, if there is one.
    pub(super) fn stored(&self, key: &CacheKey, headers: &HeaderMap) -> Option<Arc<Stored>> {
        let now = Instant::now();
        let mut shard = self.shard(&key.resource).lock();
        let variant = shard.account(key)?.variant(headers)?.clone();
        variant.stored.left(now)?;
        shard.visit(variant.id);
        Some(variant.stored)
    }

    /// What a GET with `headers` finds for `key`. `expected`: the `Vary` of an answer that was not for
    /// it, so that it joins no load whose answer would not be for it either.
    pub(super) fn find(
        self: &Arc<Self>,
        key: &CacheKey,
        headers: &HeaderMap,
        expected: Option<&VaryNames>,
    ) -> Found {
        let mut stale = None;
        let found = {
            let mut shard = self.shard(&key.resource).lock();
            self.find_in(&mut shard, key, headers, expected, &mut stale)
        };
        self.released(stale);
        found
    }

    fn find_in(
        self: &Arc<Self>,
        shard: &mut Shard,
        key: &CacheKey,
        headers: &HeaderMap,
        expected: Option<&VaryNames>,
        stale: &mut Option<Arc<Stored>>,
    ) -> Found {
        let now = Instant::now();
        if let Some(variant) = shard.account(key).and_then(|account| account.variant(headers)).cloned() {
            if variant.stored.left(now).is_some() {
                shard.visit(variant.id);
                return Found::Hit(variant.stored);
            }
            *stale = shard.remove(key, variant.id);
        }
        let epoch = self.writes.epoch();
        let about_many = key.is_about_many();
        let written = shard.is_written(&key.resource) || self.writes.are_in_progress(about_many);
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
            return Found::Joined(seat);
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
        let fill = Fill::new(Arc::clone(self), flight, before);
        Found::Leads { seat, fill, stale: stale.is_some() }
    }

    /// Lets nobody join a flight any more, and forgets its answer. False: that was so already.
    pub(super) fn detach(&self, flight: &Arc<Flight>) -> bool {
        let shard = self.shard(&flight.key.resource);
        shard.lock().detach(flight, Instant::now())
    }

    /// The answer of a flight is for its leader only: lets others go on their own for a while.
    pub(super) fn remember_unshared(&self, flight: &Arc<Flight>) {
        let now = Instant::now();
        let until = now + self.policy.unshared_ttl;
        let mut shard = self.shard(&flight.key.resource).lock();
        if shard.detach(flight, now) && until > now {
            shard.account_or_new(&flight.key).keep_unshared(until);
            shard.mark(&flight.key, until, now);
        }
    }

    /// A flight failed: keeps the failure for a while, unless a write came between.
    pub(super) fn remember_failure(&self, flight: &Arc<Flight>, why: &FillFailed) {
        let now = Instant::now();
        let until = now + self.policy.error_ttl;
        let mut shard = self.shard(&flight.key.resource).lock();
        if shard.detach(flight, now) && until > now && self.stands(flight) {
            shard.account_or_new(&flight.key).keep_failure(why.clone(), until);
            shard.mark(&flight.key, until, now);
        }
    }

    /// Stores the answer of a flight and detaches it, unless a write came between or there is no room.
    pub(super) fn store(&self, flight: &Arc<Flight>, stored: Stored) {
        let weight = stored.weight();
        if !self.stands(flight) || !self.reserve(weight) {
            self.detach(flight);
            return;
        }
        self.metrics.entries.inc();
        let fingerprint = self.hasher.hash_one(&flight.key);
        let removed = {
            let mut shard = self.shard(&flight.key.resource).lock();
            shard.store(flight, Arc::new(stored), fingerprint)
        };
        self.released(removed);
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

    /// A write ended, and its answer has not gone out yet. `changed`: it may have taken effect, so that
    /// what is stored goes too.
    pub(super) fn write_ends(&self, resource: &[u8], reach: Reach, changed: bool) {
        self.writes.ended(reach);
        let cleared = {
            let mut shard = self.shard(resource).lock();
            shard.write_ends(resource);
            shard.clear(resource, changed, Instant::now())
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

    /// Takes `weight` bytes of the bound, from other entries where need be. False: it does not fit.
    fn reserve(&self, weight: u64) -> bool {
        if weight > self.policy.max_bytes {
            return false;
        }
        let fits = |used: u64| used.checked_add(weight).filter(|sum| *sum <= self.policy.max_bytes);
        while self.used.fetch_update(Relaxed, Relaxed, fits).is_err() {
            let evicted = (0..SHARDS).find_map(|_| {
                let turn = self.turn.fetch_add(1, Relaxed) % SHARDS;
                self.shards[turn].lock().evict(Instant::now())
            });
            if evicted.is_none() {
                return false;
            }
            self.metrics.evicted.inc();
            self.released(evicted);
        }
        self.metrics.bytes.inc_by(weight.cast_signed());
        true
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
