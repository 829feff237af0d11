//! A part of the table under one lock: resources, their entries, and the order of eviction.
//!
//! Every method is a short critical section without IO. What is removed is returned, so that it is
//! counted and dropped outside of the lock.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::time::Instant;

use super::{
    account::{Account, Variant},
    eviction::Eviction,
    flight::Flight,
    key::{CacheKey, EntryKey},
    stored::Stored,
};

/// Entries of one shard that only remember a failure or hit-for-miss. One more forgets the oldest: less
/// protection, never more memory.
const MOST_MARKS: usize = 4096;

/// A part of the table.
#[derive(Debug)]
pub(super) struct Shard {
    resources: HashMap<Arc<[u8]>, Resource>,
    order: Eviction<CacheKey>,
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
    others: HashMap<EntryKey, Account>,
}

impl Shard {
    pub(super) fn new() -> Self {
        Self { resources: HashMap::new(), order: Eviction::new(), marks: VecDeque::new() }
    }

    /// An entry's state, where there is any.
    pub(super) fn account(&mut self, key: &CacheKey) -> Option<&mut Account> {
        let resource = self.resources.get_mut(&key.resource)?;
        if key.entry.is_plain() { Some(&mut resource.plain) } else { resource.others.get_mut(&key.entry) }
    }

    /// An entry's state, made where there is none. The caller puts something into it.
    pub(super) fn account_or_new(&mut self, key: &CacheKey) -> &mut Account {
        let resource = self.resources.entry(Arc::clone(&key.resource)).or_default();
        if key.entry.is_plain() {
            &mut resource.plain
        } else {
            resource.others.entry(key.entry.clone()).or_default()
        }
    }

    /// Notes that a stored answer was used.
    pub(super) fn visit(&mut self, id: u64) {
        self.order.visit(id);
    }

    /// Stores the answer of a flight that is still attached, and detaches it. Otherwise gives the answer
    /// back: a write came between, or is in progress. The answers in the place of which it comes are returned too.
    pub(super) fn store(
        &mut self,
        flight: &Arc<Flight>,
        stored: Arc<Stored>,
        fingerprint: u64,
    ) -> Vec<Arc<Stored>> {
        let key = &flight.key;
        if !self.account(key).is_some_and(|account| account.detach(flight)) || self.is_written(&key.resource)
        {
            return vec![stored];
        }
        let id = self.order.insert(key.clone(), stored.weight(), fingerprint);
        let replaced = self.account_or_new(key).store(Variant { id, stored });
        self.dropped(replaced)
    }

    /// Takes out one stored answer.
    pub(super) fn remove(&mut self, key: &CacheKey, id: u64) -> Option<Arc<Stored>> {
        let variant = self.account(key)?.remove(id)?;
        self.order.remove(id);
        Some(variant.stored)
    }

    /// Takes out the stored answer that is to make room.
    pub(super) fn evict(&mut self, now: Instant) -> Option<Arc<Stored>> {
        let (id, key) = self.order.evict()?;
        let variant = self.account(&key)?.remove(id)?;
        self.prune(&key, now);
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
        if let Some(id) = variant.filter(|found| found.stored.left(now).is_none()).map(|found| found.id) {
            *removed = self.remove(&flight.key, id);
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
            if entries.is_empty(now) {
                self.resources.remove(resource);
            }
        }
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
        }
        if resource.is_empty(now) {
            self.resources.remove(&key.resource);
        }
    }

    fn dropped(&mut self, variants: Vec<Variant>) -> Vec<Arc<Stored>> {
        variants
            .into_iter()
            .map(|variant| {
                self.order.remove(variant.id);
                variant.stored
            })
            .collect()
    }
}

impl Resource {
    fn is_empty(&self, now: Instant) -> bool {
        self.writes == 0 && self.others.is_empty() && self.plain.is_empty(now)
    }

    fn accounts(&mut self) -> impl Iterator<Item = &mut Account> {
        std::iter::once(&mut self.plain).chain(self.others.values_mut())
    }
}
