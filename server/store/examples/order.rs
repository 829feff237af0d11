//! Measures ways to read keys in order: the store's one order in blocks, one `BTreeSet`, and an order per shard with a
//! merge at each read. Prints a table; docs/benchmarks/order.md keeps the last one.
//!
//!   cargo run --release --package kivi-store --example order [KEYS]

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    error::Error,
    iter::Peekable,
    ops::Bound,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kivi_store::{
    Effect, FileLog, FileLogOptions, KeyRange, Record, Scan, Store, StoreLimits, StoreOptions, Sync,
    TransactionLog,
};

/// As many as the store's point reads have.
const SHARDS: u64 = 256;
/// Keys a scan reads.
const PAGE: usize = 100;
const SCANS: u64 = 20_000;

type Failure = Box<dyn Error + Send + std::marker::Sync>;

/// One way to keep keys in order.
trait Order {
    fn name(&self) -> &'static str;
    /// Reads [`PAGE`] keys from `start` on; returns how many bytes they have.
    fn scan(&mut self, start: &[u8]) -> Result<usize, Failure>;
}

struct Blocks(Arc<Store>);

impl Order for Blocks {
    fn name(&self) -> &'static str {
        "one order in blocks (the store: locks, view and values included)"
    }

    fn scan(&mut self, start: &[u8]) -> Result<usize, Failure> {
        let range = KeyRange { start: Bound::Included(Bytes::copy_from_slice(start)), end: Bound::Unbounded };
        let mut scanner = self.0.scan(Scan { range, reverse: false, revision: None })?;
        Ok(scanner.read(PAGE, usize::MAX)?.iter().map(|(key, _)| key.len()).sum())
    }
}

struct Tree(BTreeSet<Arc<[u8]>>);

impl Order for Tree {
    fn name(&self) -> &'static str {
        "one BTreeSet"
    }

    fn scan(&mut self, start: &[u8]) -> Result<usize, Failure> {
        Ok(self
            .0
            .range::<[u8], _>((Bound::Included(start), Bound::Unbounded))
            .take(PAGE)
            .map(|key| key.len())
            .sum())
    }
}

struct Merge(Vec<BTreeSet<Arc<[u8]>>>);

impl Order for Merge {
    fn name(&self) -> &'static str {
        "a BTreeSet per shard, merged"
    }

    fn scan(&mut self, start: &[u8]) -> Result<usize, Failure> {
        let mut shards: Vec<Peekable<_>> = self
            .0
            .iter()
            .map(|shard| shard.range::<[u8], _>((Bound::Included(start), Bound::Unbounded)).peekable())
            .collect();
        let heads = shards.iter_mut().enumerate();
        let mut heap: BinaryHeap<_> =
            heads.filter_map(|(at, shard)| shard.next().map(|key| Reverse((key, at)))).collect();
        let mut bytes = 0;
        for _ in 0..PAGE {
            let Some(Reverse((key, at))) = heap.pop() else { break };
            bytes += key.len();
            heap.extend(shards[at].next().map(|next| Reverse((next, at))));
        }
        Ok(bytes)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let keys: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |keys| keys.parse())?;
    let trees = numbers(keys).map(key);
    let mut shards: Vec<BTreeSet<Arc<[u8]>>> = (0..SHARDS).map(|_| BTreeSet::new()).collect();
    for number in numbers(keys) {
        shards[usize::try_from(number % SHARDS)?].insert(key(number));
    }
    let orders: [Box<dyn Order>; 3] =
        [Box::new(Blocks(store(keys).await?)), Box::new(Tree(trees.collect())), Box::new(Merge(shards))];
    println!("| way | median of a scan of {PAGE} keys | p99 |\n|---|---:|---:|");
    for mut order in orders {
        let mut took: Vec<Duration> = Vec::new();
        for number in numbers(SCANS) {
            let start = key(number % keys);
            let began = Instant::now();
            std::hint::black_box(order.scan(&start)?);
            took.push(began.elapsed());
        }
        took.sort_unstable();
        let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default();
        println!("| {} | {:.1?} | {:.1?} |", order.name(), at(50), at(99));
    }
    Ok(())
}

/// Numbers below `count`, each once, in an order that looks random.
fn numbers(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |number| number.wrapping_mul(2_654_435_761) % count)
}

fn key(number: u64) -> Arc<[u8]> {
    Arc::from(format!("key-{number:012}").as_bytes())
}

async fn store(keys: u64) -> Result<Arc<Store>, Failure> {
    let directory = tempfile::tempdir()?;
    let log =
        FileLog::open(directory.path(), FileLogOptions { sync: Sync::Never, ..FileLogOptions::default() })?;
    let mut tail = 0;
    let mut left = numbers(keys).peekable();
    while left.peek().is_some() {
        let record = |number| {
            let effect =
                Effect::Put { value: Bytes::from_static(&[7; 32]), media_type: None, expires_ms: None };
            Record::of(Bytes::copy_from_slice(&key(number)), 0, effect)
        };
        let batch: Vec<Record> = left.by_ref().take(1000).map(record).collect();
        tail = log.append(0, tail, &batch).await?;
    }
    let limits = StoreLimits { memory_bytes: u64::MAX, ..StoreLimits::default() };
    Ok(Store::open(log, StoreOptions { limits, ..StoreOptions::default() }).await?)
}
