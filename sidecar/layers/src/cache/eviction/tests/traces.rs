//! The hit ratio beside moka's (its default policy, TinyLFU) at the same bound on the same traces.
//!
//! moka applies its policy after a write when it gets to it. Here it does so after each write, so that its
//! bound holds as ours does, and what it does is the same in each run.

use std::hash::{BuildHasherDefault, DefaultHasher};

use super::{Cache, fingerprint};

const KEYS: usize = 10_000;
const ACCESSES: usize = 15_000;
/// The bound, in percent of all values.
const BOUNDS: [u64; 3] = [1, 5, 10];

/// A sequence of keys.
type Trace = Vec<u64>;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        fingerprint(self.0)
    }

    /// In 0..1.
    fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

/// Keys by Zipf's law: the rank `r` comes with a share of `1 / r^exponent`.
struct Zipf {
    cumulative: Vec<f64>,
    random: Random,
}

impl Zipf {
    fn new(exponent: f64) -> Self {
        let mut sum = 0.0;
        let shares = (1..=u32::try_from(KEYS).unwrap()).map(|rank| f64::from(rank).powf(-exponent));
        let cumulative = shares.map(|share| {
            sum += share;
            sum
        });
        Self { cumulative: cumulative.collect(), random: Random(42) }
    }

    fn rank(&mut self) -> u64 {
        let point = self.random.fraction() * self.cumulative[KEYS - 1];
        self.cumulative.partition_point(|sum| *sum < point) as u64
    }
}

/// Bytes of a value: all of 1000, or from 700 to a million, most of them small, whatever the key's rank.
fn weight(key: u64, mixed: bool) -> u64 {
    if !mixed {
        return 1000;
    }
    let fraction = Random(key).fraction();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a million at most")]
    let weight = (700.0 * 1500_f64.powf(fraction.powi(3))) as u64;
    weight
}

fn hits_of_moka(room: u64, trace: &Trace, mixed: bool) -> usize {
    let cache = moka::sync::Cache::builder()
        .max_capacity(room)
        .weigher(|_, weight: &u32| *weight)
        .build_with_hasher(BuildHasherDefault::<DefaultHasher>::default());
    let hit = |key: &&u64| {
        let there = cache.get(*key).is_some();
        if !there {
            cache.insert(**key, u32::try_from(weight(**key, mixed)).unwrap());
            cache.run_pending_tasks();
        }
        there
    };
    trace.iter().filter(hit).count()
}

fn hits(room: u64, trace: &Trace, mixed: bool) -> usize {
    let mut cache = Cache::new(room);
    trace.iter().filter(|key| cache.get(**key, weight(**key, mixed))).count()
}

/// Ours and moka's at each bound, with values of one size and of many.
fn compare(name: &str, trace: &Trace) {
    for mixed in [false, true] {
        let all: u64 = (0..KEYS as u64).map(|rank| weight(rank, mixed)).sum();
        for percent in BOUNDS {
            let room = all * percent / 100;
            let (ours, moka) = (hits(room, trace, mixed), hits_of_moka(room, trace, mixed));
            println!("{name}, {percent} %, mixed {mixed}: {ours} hits beside {moka}");
            assert!(ours >= moka, "{name}, {percent} %, mixed {mixed}: {ours} < {moka}");
        }
    }
}

#[test]
fn the_hit_ratio_is_moka_s_or_better_on_zipf() {
    for exponent in [0.9, 1.0, 1.1] {
        let mut zipf = Zipf::new(exponent);
        let trace = (0..ACCESSES).map(|_| zipf.rank()).collect();
        compare(&format!("zipf {exponent}"), &trace);
    }
}

/// Every 1000 accesses to a working set, 500 keys come that nobody asks for again.
#[test]
fn the_hit_ratio_is_moka_s_or_better_beside_scans() {
    let (mut zipf, mut cold) = (Zipf::new(1.0), KEYS as u64..);
    let mut trace = Trace::new();
    while trace.len() < ACCESSES {
        trace.extend((0..1000).map(|_| zipf.rank()));
        trace.extend(cold.by_ref().take(500));
    }
    compare("scans", &trace);
}

/// Every key changes its rank, five times.
#[test]
fn the_hit_ratio_is_moka_s_or_better_where_the_working_set_changes() {
    let mut zipf = Zipf::new(1.0);
    let set = |access: usize| (access * 5 / ACCESSES * 1237) as u64;
    let trace = (0..ACCESSES).map(|access| (zipf.rank() + set(access)) % KEYS as u64).collect();
    compare("changes", &trace);
}

/// Every other access is to one of the last fifty keys.
#[test]
fn the_hit_ratio_is_moka_s_or_better_in_bursts() {
    let (mut zipf, mut random) = (Zipf::new(1.0), Random(7));
    let mut trace = Trace::new();
    while trace.len() < ACCESSES {
        let back = usize::try_from(random.next() % 50).unwrap();
        let again = random.next() % 2 == 0 && trace.len() > back;
        trace.push(if again { trace[trace.len() - 1 - back] } else { zipf.rank() });
    }
    compare("bursts", &trace);
}
