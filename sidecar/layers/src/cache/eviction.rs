//! Which entry makes room: S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction",
//! SOSP 2023), by weight.
//!
//! New entries pass through a small queue, so that a scan of keys that nobody asks for twice cannot push
//! out the working set; what is asked for again moves to the main queue; an entry that comes back soon
//! after its eviction (a ghost) goes there at once. A hit only counts, it moves nothing.
//!
//! Own code rather than moka: an entry must vanish in the same critical section that detaches its
//! flights, and the bound must hold at each moment; moka removes and evicts later, in the background.

use std::collections::{HashMap, HashSet, VecDeque};

/// The small queue's share of the weight: one part in ten, as in the paper.
const SMALL_SHARE: u64 = 10;
/// Visits that count.
const MOST_VISITS: u8 = 3;
/// Queues are cleaned of removed entries when these are more than the present ones and this.
const SLACK: usize = 64;

/// The order of eviction; `P` is what an entry's owner needs to find it.
#[derive(Debug)]
pub(super) struct Eviction<P> {
    items: HashMap<u64, Item<P>>,
    small: VecDeque<u64>,
    main: VecDeque<u64>,
    small_weight: u64,
    weight: u64,
    ghosts: VecDeque<u64>,
    ghost_set: HashSet<u64>,
    next: u64,
}

#[derive(Debug)]
struct Item<P> {
    payload: P,
    weight: u64,
    fingerprint: u64,
    visits: u8,
    main: bool,
}

impl<P> Eviction<P> {
    pub(super) fn new() -> Self {
        Self {
            items: HashMap::new(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            small_weight: 0,
            weight: 0,
            ghosts: VecDeque::new(),
            ghost_set: HashSet::new(),
            next: 0,
        }
    }

    /// Adds an entry and returns its number. `fingerprint` is the same for an entry that comes back.
    pub(super) fn insert(&mut self, payload: P, weight: u64, fingerprint: u64) -> u64 {
        let id = self.next;
        self.next += 1;
        let main = self.ghost_set.remove(&fingerprint);
        if main {
            self.main.push_back(id);
        } else {
            self.small.push_back(id);
            self.small_weight += weight;
        }
        self.weight += weight;
        self.items.insert(id, Item { payload, weight, fingerprint, visits: 0, main });
        id
    }

    /// Notes a hit.
    pub(super) fn visit(&mut self, id: u64) {
        if let Some(item) = self.items.get_mut(&id) {
            item.visits = (item.visits + 1).min(MOST_VISITS);
        }
    }

    /// Takes an entry out that its owner has removed.
    pub(super) fn remove(&mut self, id: u64) {
        self.take(id);
        if self.small.len() + self.main.len() > 2 * self.items.len() + SLACK {
            let items = &self.items;
            self.small.retain(|id| items.contains_key(id));
            self.main.retain(|id| items.contains_key(id));
        }
    }

    /// Takes the entry out that is to make room. `None`: there is none.
    pub(super) fn evict(&mut self) -> Option<(u64, P)> {
        while !self.items.is_empty() {
            let from_small = self.small_weight * SMALL_SHARE > self.weight || self.main.is_empty();
            let queue = if from_small { &mut self.small } else { &mut self.main };
            let Some(id) = queue.pop_front() else { continue };
            let Some(item) = self.items.get_mut(&id) else {
                continue;
            };
            let stays = if from_small { item.visits > 1 } else { item.visits > 0 };
            if !stays {
                let item = self.take(id)?;
                if from_small {
                    self.remember(item.fingerprint);
                }
                return Some((id, item.payload));
            }
            if from_small {
                item.visits = 0;
                item.main = true;
                self.small_weight -= item.weight;
            } else {
                item.visits -= 1;
            }
            self.main.push_back(id);
        }
        None
    }

    fn take(&mut self, id: u64) -> Option<Item<P>> {
        let item = self.items.remove(&id)?;
        self.weight -= item.weight;
        if !item.main {
            self.small_weight -= item.weight;
        }
        Some(item)
    }

    /// Keeps as many ghosts as there are entries.
    fn remember(&mut self, fingerprint: u64) {
        if self.ghost_set.insert(fingerprint) {
            self.ghosts.push_back(fingerprint);
        }
        while self.ghosts.len() > self.items.len() {
            if let Some(oldest) = self.ghosts.pop_front() {
                self.ghost_set.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache of `room` entries of weight 1 over `trace`; returns how many accesses hit.
    fn hits(room: usize, trace: impl IntoIterator<Item = u64>) -> usize {
        let mut eviction = Eviction::new();
        let mut present = HashMap::new();
        let mut hits = 0;
        for key in trace {
            if let Some(id) = present.get(&key) {
                eviction.visit(*id);
                hits += 1;
                continue;
            }
            if present.len() == room {
                let (_, out) = eviction.evict().unwrap();
                present.remove(&out);
            }
            present.insert(key, eviction.insert(key, 1, key));
        }
        hits
    }

    #[test]
    fn a_scan_does_not_push_out_what_is_asked_for_again() {
        let hot = || 0..50;
        let scan = |round: u64| (0..100).map(move |key| 1_000_000 + round * 100 + key);
        let rounds = 40;
        let trace = (0..rounds).flat_map(|round| hot().chain(hot()).chain(scan(round)));
        let possible = 50 * (2 * usize::try_from(rounds).unwrap() - 1);
        assert!(hits(100, trace) * 10 > possible * 9);
    }

    #[test]
    fn removed_entries_are_never_evicted_and_leave_no_weight() {
        let mut eviction = Eviction::new();
        for round in 0..10_000 {
            let id = eviction.insert(round, 5, round);
            eviction.remove(id);
        }
        assert!(eviction.evict().is_none());
        assert_eq!((eviction.weight, eviction.small_weight), (0, 0));
        assert!(eviction.small.len() <= SLACK);
    }

    #[test]
    fn every_entry_can_be_evicted_however_often_it_was_visited() {
        let mut eviction = Eviction::new();
        for key in 0..100 {
            let id = eviction.insert(key, 1 + key, key);
            for _ in 0..key {
                eviction.visit(id);
            }
        }
        let mut out: Vec<_> = std::iter::from_fn(|| eviction.evict()).map(|(_, key)| key).collect();
        out.sort_unstable();
        assert_eq!(out, (0..100).collect::<Vec<_>>());
        assert_eq!(eviction.weight, 0);
    }
}
