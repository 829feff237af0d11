//! A part of the table under one lock: resources and their entries. The order of eviction is one for all
//! shards; what is stored here is in it, and only that.
//!
//! Every method is a short critical section without IO. What is removed is returned, so that it is
//! counted and dropped outside of the lock.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::Arc,
};

use crate::runtime::{Mutex, RandomState};
use tokio::time::Instant;

use super::{
    account::{Account, Variant},
    eviction::Order,
    flight::Flight,
    key::{CacheKey, EntryKey},
    stored::Stored,
    weight::allocation,
};

/// Entries of one shard that only remember a failure or hit-for-miss, about half a KiB and two keys each. One
/// more forgets the oldest: less protection, never more memory.
const MOST_MARKS: usize = 512;

/// A part of the table.
#[derive(Debug)]
pub(super) struct Shard {
    /// The values are boxed, so that the map's room to spare is little.
    resources: HashMap<Arc<[u8]>, Box<Resource>, RandomState>,
    order: Arc<Mutex<Order<Arc<Stored>>>>,
    /// Hits that the order was not told of yet.
    hits: u64,
    /// When what is remembered of an entry ends, about in that order.
    marks: VecDeque<(Instant, CacheKey)>,
}

/// What was taken out of a resource.
#[derive(Debug)]
pub(super) struct Cleared {
    pub(super) flights: Vec<Arc<Flight>>,
    pub(super) stored: Vec<Arc<Stored>>,
}

/// The entries of one resource. Nearly always there is one, the plain one.
#[derive(Debug, Default)]
struct Resource {
    /// Writes in progress.
    writes: u32,
    plain: Account,
    others: HashMap<Box<EntryKey>, Box<Account>, RandomState>,
}

/// Bytes of an entry in a shard: its resource, and the account where that is not the resource's own.
pub(super) const fn weight(is_plain: bool) -> usize {
    /// What a map takes for a key and a value: seven to fourteen of sixteen slots are full, each of which
    /// has a byte beside.
    const fn slot(key_and_value: usize) -> usize {
        (key_and_value + 1) * 33 / 20
    }
    let resource = slot(size_of::<(Arc<[u8]>, Box<Resource>)>()) + allocation(size_of::<Resource>());
    if is_plain {
        return resource;
    }
    let account = allocation(size_of::<Account>()) + allocation(size_of::<EntryKey>());
    resource + slot(size_of::<(Box<EntryKey>, Box<Account>)>()) + account
}

impl Shard {
    /// An empty one, whose answers are in `order`.
    pub(super) fn new(order: Arc<Mutex<Order<Arc<Stored>>>>) -> Self {
        Self { resources: HashMap::default(), order, hits: 0, marks: VecDeque::new() }
    }

    /// An entry's state, where there is any.
    pub(super) fn account(&mut self, key: &CacheKey) -> Option<&mut Account> {
        let resource = self.resources.get_mut(&key.resource)?;
        if key.entry.is_plain() {
            Some(&mut resource.plain)
        } else {
            resource.others.get_mut(&key.entry).map(Box::as_mut)
        }
    }

    /// An entry's state, made where there is none. The caller puts something into it.
    pub(super) fn account_or_new(&mut self, key: &CacheKey) -> &mut Account {
        let resource = self.resources.entry(Arc::clone(&key.resource)).or_default();
        if key.entry.is_plain() {
            &mut resource.plain
        } else {
            resource.others.entry(Box::new(key.entry.clone())).or_default()
        }
    }

    /// Notes that a stored answer was used.
    pub(super) fn visit(&mut self, stored: &Stored) {
        stored.rank.visit();
        self.hits += 1;
    }

    /// Stores the answer of a flight that is still attached, and detaches it. Otherwise gives the answer
    /// back: a write came between, or is in progress. The answers in the place of which it comes are returned too.
    pub(super) fn store(
        &mut self,
        flight: &Arc<Flight>,
        mut stored: Stored,
        fingerprint: u64,
    ) -> Vec<Arc<Stored>> {
        let key = &flight.key;
        if !self.account(key).is_some_and(|account| account.detach(flight)) || self.is_written(&key.resource)
        {
            return vec![Arc::new(stored)];
        }
        if let Some(own) = self.own_key(key) {
            stored.key = own;
        }
        let stored = Arc::new(stored);
        self.order.lock().insert(Arc::clone(&stored), fingerprint, std::mem::take(&mut self.hits));
        let replaced = self.account_or_new(key).store(Variant { stored });
        self.dropped(replaced)
    }

    /// The answer of a flight is about to take the place of what is stored: it is asked for as often.
    pub(super) fn recall(&mut self, flight: &Flight) {
        let variant = self.account(&flight.key).and_then(|account| account.variant(&flight.request)).cloned();
        if let Some(variant) = variant {
            self.order.lock().recall(&variant.stored);
        }
    }

    /// Takes out one stored answer.
    pub(super) fn remove(&mut self, stored: &Arc<Stored>) -> Option<Arc<Stored>> {
        let variant = self.account(&stored.key)?.remove(stored)?;
        self.order.lock().remove(stored);
        Some(variant.stored)
    }

    /// Detaches a flight. False: it was detached before.
    pub(super) fn detach(&mut self, flight: &Arc<Flight>, now: Instant) -> bool {
        let detached = self.account(&flight.key).is_some_and(|account| account.detach(flight));
        if detached {
            self.prune(&flight.key, now);
        }
        detached
    }

    /// Detaches a flight whose answer is not stored, although it takes the place of what is stored: takes
    /// that out, unless it is fresh. False: the flight was detached before.
    pub(super) fn supersede(
        &mut self,
        flight: &Arc<Flight>,
        now: Instant,
        removed: &mut Option<Arc<Stored>>,
    ) -> bool {
        if !self.detach(flight, now) {
            return false;
        }
        let variant = self.account(&flight.key).and_then(|account| account.variant(&flight.request));
        let stale = variant.filter(|found| found.stored.left(now).is_none());
        if let Some(stored) = stale.map(|found| Arc::clone(&found.stored)) {
            *removed = self.remove(&stored);
            self.prune(&flight.key, now);
        }
        true
    }

    /// Whether a write of a resource is in progress.
    pub(super) fn is_written(&self, resource: &[u8]) -> bool {
        self.resources.get(resource).is_some_and(|resource| resource.writes > 0)
    }

    /// A write of a resource begins.
    pub(super) fn write_begins(&mut self, resource: &Arc<[u8]>) {
        self.resources.entry(Arc::clone(resource)).or_default().writes += 1;
    }

    /// A write of a resource ended.
    pub(super) fn write_ends(&mut self, resource: &[u8]) {
        if let Some(resource) = self.resources.get_mut(resource) {
            resource.writes = resource.writes.saturating_sub(1);
        }
    }

    /// Detaches every flight of a resource.
    pub(super) fn detach_all(&mut self, resource: &[u8]) -> Vec<Arc<Flight>> {
        self.resources
            .get_mut(resource)
            .map(|resource| resource.accounts().flat_map(Account::detach_all).collect())
            .unwrap_or_default()
    }

    /// Detaches every flight of a resource, and takes out what is `stored` of it.
    pub(super) fn clear(&mut self, resource: &[u8], stored: bool, now: Instant) -> Cleared {
        let flights = self.detach_all(resource);
        let mut variants = Vec::new();
        if let Some(entries) = self.resources.get_mut(resource) {
            if stored {
                variants = entries.accounts().flat_map(Account::invalidate).collect();
            }
            entries.others.retain(|_, entry| !entry.is_empty(now));
            shrink(&mut entries.others);
            if entries.is_empty(now) {
                self.resources.remove(resource);
            }
        }
        shrink(&mut self.resources);
        Cleared { flights, stored: self.dropped(variants) }
    }

    /// The resources that begin with these bytes.
    pub(super) fn beginning_with(&self, prefix: &[u8]) -> Vec<Arc<[u8]>> {
        self.resources.keys().filter(|resource| resource.starts_with(prefix)).cloned().collect()
    }

    /// Notes that an entry has something to forget at `until`, and forgets what is due.
    pub(super) fn mark(&mut self, key: &CacheKey, until: Instant, now: Instant) {
        self.marks.push_back((until, key.clone()));
        while let Some((due, _)) = self.marks.front() {
            let overfull = self.marks.len() > MOST_MARKS;
            if *due > now && !overfull {
                break;
            }
            let Some((_, key)) = self.marks.pop_front() else { break };
            if overfull && let Some(account) = self.account(&key) {
                account.forget();
            }
            self.prune(&key, now);
        }
    }

    /// Removes an entry that holds nothing, and its resource with the last.
    pub(super) fn prune(&mut self, key: &CacheKey, now: Instant) {
        let Some(resource) = self.resources.get_mut(&key.resource) else {
            return;
        };
        if !key.entry.is_plain() && resource.others.get(&key.entry).is_some_and(|entry| entry.is_empty(now)) {
            resource.others.remove(&key.entry);
            shrink(&mut resource.others);
        }
        if resource.is_empty(now) {
            self.resources.remove(&key.resource);
        }
        shrink(&mut self.resources);
    }

    /// The key of an entry, as the maps have it: an answer that keeps it keeps no copy of its own.
    fn own_key(&self, key: &CacheKey) -> Option<CacheKey> {
        let (resource, entries) = self.resources.get_key_value(&key.resource)?;
        let entry = entries.others.get_key_value(&key.entry).map_or(&key.entry, |(entry, _)| entry);
        Some(CacheKey { resource: Arc::clone(resource), entry: entry.clone(), generation: key.generation })
    }

    fn dropped(&mut self, variants: Vec<Variant>) -> Vec<Arc<Stored>> {
        variants
            .into_iter()
            .map(|variant| {
                self.order.lock().remove(&variant.stored);
                variant.stored
            })
            .collect()
    }
}

/// Gives back most of a map's room where it is far more than what is in it needs.
fn shrink<K: Eq + Hash, V>(map: &mut HashMap<K, V, RandomState>) {
    const LITTLE: usize = 64;
    if map.capacity() > LITTLE && map.len() * 3 < map.capacity() {
        map.shrink_to(map.len() + map.len() / 2);
    }
}

impl Resource {
    fn is_empty(&self, now: Instant) -> bool {
        self.writes == 0 && self.others.is_empty() && self.plain.is_empty(now)
    }

    fn accounts(&mut self) -> impl Iterator<Item = &mut Account> {
        std::iter::once(&mut self.plain).chain(self.others.values_mut().map(Box::as_mut))
    }
}
