//! What a request finds: under the lock of its resource's shard, all in one look.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use http::HeaderMap;
use tokio::time::Instant;

use super::Table;
use crate::cache::{
    FeedState,
    account::Variant,
    fill::Fill,
    flight::Flight,
    found::{Found, Kept},
    key::CacheKey,
    shard::Shard,
    stale::Use,
    status::Forwarded,
    stored::Stored,
    vary::VaryNames,
    writes::Epoch,
};

impl Table {
    /// A stored answer to be served at once, if there is one.
    pub(in crate::cache) fn kept(self: &Arc<Self>, key: &CacheKey, headers: &HeaderMap) -> Option<Kept> {
        let mut shard = self.shard(&key.resource).lock();
        self.kept_in(&mut shard, key, headers, self.writes.epoch()).ok()
    }

    /// The stored answer to be served in place of a failure, if there is one.
    pub(in crate::cache) fn in_place_of_failure(
        &self,
        key: &CacheKey,
        headers: &HeaderMap,
    ) -> Option<Arc<Stored>> {
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
    pub(in crate::cache) fn is_empty(&self) -> bool {
        self.used.load(Relaxed) == 0
    }

    /// What is stored for a request with these headers, be it fresh or not.
    pub(in crate::cache) fn variant(&self, key: &CacheKey, headers: &HeaderMap) -> Option<Variant> {
        if self.used.load(Relaxed) == 0 {
            return None;
        }
        let mut shard = self.shard(&key.resource).lock();
        if !self.is_in_force(key) {
            return None;
        }
        shard.account(key)?.variant(headers).cloned()
    }

    /// What a GET with `headers` finds for `key`. `expected`: the `Vary` of an answer that was not for
    /// it, so that it joins no load whose answer would not be for it either.
    pub(in crate::cache) fn find(
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
    pub(in crate::cache) fn reload(self: &Arc<Self>, key: &CacheKey, headers: &HeaderMap) -> Found {
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
}
