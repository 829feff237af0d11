use std::{collections::HashMap, sync::Arc};

use super::*;

mod traces;

/// An entry of a test.
#[derive(Debug)]
struct Entry {
    key: u64,
    weight: u64,
    rank: Rank,
}

impl Ranked for Arc<Entry> {
    fn rank(&self) -> &Rank {
        &self.rank
    }

    fn weight(&self) -> u64 {
        self.weight
    }
}

/// A cache as the table has it: room is made before an entry comes in.
struct Cache {
    order: Order<Arc<Entry>>,
    present: HashMap<u64, Arc<Entry>>,
    room: u64,
    used: u64,
    hits: u64,
}

impl Cache {
    fn new(room: u64) -> Self {
        Self { order: Order::new(room), present: HashMap::new(), room, used: 0, hits: 0 }
    }

    /// Whether an access hits.
    fn get(&mut self, key: u64, weight: u64) -> bool {
        if let Some(entry) = self.present.get(&key) {
            entry.rank.visit();
            self.hits += 1;
            return true;
        }
        let fits = self.used + weight <= self.room;
        if weight > self.room || !self.order.admits(weight, fingerprint(key), fits) {
            return false;
        }
        while self.used + weight > self.room {
            let evicted = self.order.evict().unwrap();
            self.present.remove(&evicted.key).unwrap();
            self.used -= evicted.weight;
        }
        self.used += weight;
        let entry = Arc::new(Entry { key, weight, rank: Rank::new() });
        self.order.insert(Arc::clone(&entry), fingerprint(key), std::mem::take(&mut self.hits));
        self.present.insert(key, entry);
        false
    }

    fn remove(&mut self, key: u64) {
        let entry = self.present.remove(&key).unwrap();
        self.order.remove(&entry);
        self.used -= entry.weight;
    }
}

/// As good as a keyed hash: traces have numbers for keys.
fn fingerprint(key: u64) -> u64 {
    let mixed = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn a_scan_does_not_push_out_what_is_asked_for_again() {
    let hot = || 0..50;
    let scan = |round: u64| (0..100).map(move |key| 1_000_000 + round * 100 + key);
    let rounds = 40;
    let mut cache = Cache::new(100);
    let trace = (0..rounds).flat_map(|round| hot().chain(hot()).chain(scan(round)));
    let hits = trace.filter(|key| cache.get(*key, 1)).count();
    let possible = 50 * (2 * usize::try_from(rounds).unwrap() - 1);
    assert!(hits * 10 > possible * 9, "{hits} of {possible}");
}

#[test]
fn what_just_came_is_found_whatever_is_worth_more() {
    let mut cache = Cache::new(1000);
    for _ in 0..50 {
        (0..1000).for_each(|key| _ = cache.get(key, 1));
    }
    for key in 1_000_000..1_001_000 {
        cache.get(key, 1);
        assert!((0..50).all(|back| key < 1_000_000 + back || cache.present.contains_key(&(key - back))));
    }
}

#[test]
fn a_large_answer_is_stored_once_it_is_worth_its_room() {
    let mut cache = Cache::new(1_000_000);
    for _ in 0..2 {
        (0..1000).for_each(|key| _ = cache.get(key, 1000));
    }
    let asked = (1..1000).find(|_| {
        assert_eq!(cache.present.len(), 1000, "nothing made room for it");
        cache.get(9_999, 500_000) || cache.present.contains_key(&9_999)
    });
    assert!(asked.is_some_and(|times| times > 50), "{asked:?}: for 500 that were asked for twice each");
    assert!(cache.present.len() > 490);
}

#[test]
fn what_takes_the_place_of_an_entry_is_worth_as_much() {
    let mut cache = Cache::new(1_000_000);
    cache.get(1, 500_000);
    for _ in 0..2 {
        (2..500).for_each(|key| _ = cache.get(key, 1000));
        (0..200).for_each(|_| assert!(cache.get(1, 500_000)));
    }
    let old = Arc::clone(&cache.present[&1]);
    assert!(!cache.order.admits(500_000, fingerprint(1), false), "nothing is known of the hits yet");
    cache.order.recall(&old);
    assert!(cache.order.admits(500_000, fingerprint(1), false));
    cache.remove(1);
    assert!(!cache.get(1, 500_000) && cache.get(1, 500_000));
}

#[test]
fn removed_entries_are_never_evicted_and_leave_nothing() {
    let mut cache = Cache::new(u64::MAX);
    cache.get(u64::MAX, 5);
    for key in 0..10_000 {
        cache.get(key, 5);
        cache.remove(key);
    }
    assert!(cache.order.young.items() < 200, "{}", cache.order.young.items());
    let left: Vec<_> = std::iter::from_fn(|| cache.order.evict()).map(|entry| entry.key).collect();
    assert_eq!(left, [u64::MAX]);
    assert_eq!(cache.order.young.weight, 0);
}

#[test]
fn removal_finds_its_entry_wherever_the_others_have_moved_it() {
    let mut cache = Cache::new(2000);
    for round in 0..20_000_u64 {
        cache.get(fingerprint(round) % 3000, 1 + round % 5);
        if round % 3 == 0
            && let Some(key) = cache.present.keys().copied().min()
        {
            cache.remove(key);
        }
    }
    assert_eq!(cache.order.len(), cache.present.len());
    let mut out: Vec<_> = std::iter::from_fn(|| cache.order.evict()).map(|entry| entry.key).collect();
    out.sort_unstable();
    let mut present: Vec<_> = cache.present.keys().copied().collect();
    present.sort_unstable();
    assert_eq!(out, present, "each once");
}

#[test]
fn the_lists_shrink_with_their_entries() {
    let mut cache = Cache::new(u64::MAX);
    (0..10_000).for_each(|key| _ = cache.get(key, 1));
    cache.order.young_room = 5000;
    cache.get(10_000, 1);
    assert!(cache.order.main.len() > 4000);
    while cache.order.len() > 100 {
        cache.order.evict();
    }
    let spare = cache.order.main.capacity() + cache.order.young.capacity();
    assert!(spare < 600, "{spare}");
}
