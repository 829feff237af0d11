//! A store at any revision, made of a snapshot and of what the log says behind it, against what the store was then.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::TryStreamExt;
use kivi_store::{
    Action, Condition, ExcerptReader, Gap, Later, LogEntry, Operation, Put, RequestId, RestoreError,
    StateHash, Store, StoreOptions, Transaction, file_log::restore_in, inspect,
};
use proptest::prelude::*;

use self::support::{delete, disk::FakeDisk, log_on, put, store_on};

#[derive(Debug, Clone)]
enum Step {
    /// With this time to live in milliseconds, a media type, a name.
    Put {
        key: u8,
        size: u8,
        ttl: Option<u64>,
        typed: bool,
        named: bool,
    },
    Delete(u8),
    /// Several at once: put, or removed.
    Transact(Vec<(u8, bool)>),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let put = (0..12_u8, any::<u8>(), prop::option::of(1..50_u64), any::<bool>(), any::<bool>());
    prop_oneof![
        6 => put.prop_map(|(key, size, ttl, typed, named)| Step::Put { key, size, ttl, typed, named }),
        2 => (0..12_u8).prop_map(Step::Delete),
        2 => prop::collection::btree_map(0..12_u8, any::<bool>(), 1..4)
            .prop_map(|operations| Step::Transact(operations.into_iter().collect())),
        1 => (1..60_u64).prop_map(Step::Pass),
    ]
}

fn key(number: u8) -> Bytes {
    // Different lengths, so that their order is not that of their numbers.
    Bytes::from(if number.is_multiple_of(3) { vec![number] } else { format!("k{number}").into_bytes() })
}

/// What a store held at one revision: also what its deadline was about to end.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    revision: u64,
    hash: StateHash,
    keys: Vec<LogEntry>,
}

fn seen(store: &Arc<Store>) -> Seen {
    let mut snapshot = store.snapshot();
    let (revision, hash) = (snapshot.sequence(), snapshot.hash());
    let mut keys = Vec::new();
    loop {
        let entries = snapshot.read().unwrap();
        if entries.is_empty() {
            return Seen { revision, hash, keys };
        }
        keys.extend(entries.into_iter().filter(|entry| !entry.record.changes.is_empty()));
    }
}

struct Test {
    store: Arc<Store>,
    now_ms: Arc<AtomicU64>,
    /// What it held at each revision; the steps of time in between make several.
    seen: Vec<Seen>,
    named: u64,
}

fn options(now_ms: &Arc<AtomicU64>) -> StoreOptions {
    let now = Arc::clone(now_ms);
    let clock = Arc::new(move || now.load(Ordering::Relaxed));
    StoreOptions { clock, compact_at_garbage: None, ..StoreOptions::default() }
}

impl Test {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Put { key: number, size, ttl, typed, named } => {
                self.named += 1;
                let id = Bytes::from(format!("request {}", self.named));
                let put = Put {
                    key: key(number),
                    value: Bytes::from(vec![size; usize::from(size)]),
                    media_type: typed.then(|| Arc::from("text/plain")),
                    ttl: ttl.map(Duration::from_millis),
                    condition: Condition::None,
                    request: named.then_some(RequestId { id, fingerprint: [size; 16] }),
                };
                self.store.put(put).await.unwrap();
            }
            Step::Delete(number) => {
                delete(&self.store, str::from_utf8(&key(number)).unwrap()).await.unwrap();
            }
            Step::Transact(operations) => {
                let operation = |(number, puts): (u8, bool)| {
                    let value = Bytes::from(vec![number]);
                    let action = if puts {
                        Action::Put { value, media_type: None, ttl: None }
                    } else {
                        Action::Delete
                    };
                    Operation { key: key(number), action }
                };
                let operations = operations.into_iter().map(operation).collect();
                let transaction = Transaction { conditions: Vec::new(), operations, request: None };
                self.store.transact(transaction).await.unwrap();
            }
            Step::Pass(ms) => {
                self.now_ms.fetch_add(ms, Ordering::Relaxed);
                // A write comes behind all deadlines that have come.
                put(&self.store, "tick", "").await.unwrap();
            }
        }
        let now = seen(&self.store);
        if self.seen.last().is_none_or(|last| last.revision != now.revision) {
            self.seen.push(now);
        }
    }
}

async fn bytes(store: &Arc<Store>, after: u64) -> Vec<u8> {
    let parts: Vec<Bytes> = store.excerpt(after).unwrap().bytes().try_collect().await.unwrap();
    parts.concat()
}

fn entries(excerpt: &[u8]) -> Vec<LogEntry> {
    let mut reader = ExcerptReader::new(excerpt).unwrap();
    let mut all = Vec::new();
    while let Some(some) = reader.read().unwrap() {
        all.extend(some);
    }
    all
}

fn later(behind: u64, entries: &[LogEntry], upto: u64) -> Later {
    let mut later = Later::behind(behind);
    for entry in entries.iter().filter(|entry| entry.sequence <= upto) {
        later.add(entry).unwrap();
    }
    later
}

/// A snapshot taken behind so many steps, and every revision that was seen behind it.
async fn each_revision(before: Vec<Step>, behind: Vec<Step>) {
    let now_ms = Arc::new(AtomicU64::new(1_700_000_000_000));
    let store = Store::open(log_on(&FakeDisk::default()).unwrap(), options(&now_ms)).await.unwrap();
    let mut test = Test { store, now_ms: Arc::clone(&now_ms), seen: Vec::new(), named: 0 };
    for step in before {
        test.take(step).await;
    }
    let copy = test.store.copy();
    let snapshot: Vec<Bytes> = copy.bytes.map(Result::unwrap).collect();
    let (snapshot, taken_at) = (snapshot.concat(), copy.revision);
    for step in behind {
        test.take(step).await;
    }
    let excerpt = entries(&bytes(&test.store, taken_at).await);
    // By then every deadline has come: what was there at a revision must be there all the same.
    for expected in test.seen.iter().filter(|seen| seen.revision >= taken_at) {
        let disk = FakeDisk::default();
        let later = later(taken_at, &excerpt, expected.revision);
        let restored = restore_in(&disk, &snapshot[..], Some(later)).unwrap();
        assert_eq!((restored.sequence, restored.hash), (expected.revision, expected.hash));
        assert_eq!(restored.keys as usize, expected.keys.len());
        let opened =
            Store::open(log_on(&disk).unwrap(), options(&Arc::new(AtomicU64::new(0)))).await.unwrap();
        let found = seen(&opened);
        assert_eq!(
            (found.hash, &found.keys),
            (expected.hash, &expected.keys),
            "revision {}",
            expected.revision
        );
        assert!(found.revision >= expected.revision + (1 << 32));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_revision_is_restored_as_it_was(
        before in prop::collection::vec(step(), 0..20),
        behind in prop::collection::vec(step(), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(each_revision(before, behind));
    }
}

#[tokio::test]
async fn a_request_is_remembered_where_it_was_done() {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    let named = |name: &'static str| Put {
        key: Bytes::from_static(b"k"),
        value: Bytes::from_static(b"v"),
        media_type: None,
        ttl: None,
        condition: Condition::None,
        request: Some(RequestId { id: Bytes::from_static(name.as_bytes()), fingerprint: [7; 16] }),
    };
    store.put(named("first")).await.unwrap();
    let copy: Vec<Bytes> = store.copy().bytes.map(Result::unwrap).collect();
    store.put(named("second")).await.unwrap();
    store.put(named("third")).await.unwrap();
    let excerpt = entries(&bytes(&store, 1).await);
    let disk = FakeDisk::default();
    restore_in(&disk, &copy.concat()[..], Some(later(1, &excerpt, 2))).unwrap();
    let restored = store_on(&disk).await.unwrap();
    for (name, repeated) in [("first", true), ("second", true), ("third", false)] {
        assert_eq!(restored.put(named(name)).await.unwrap().repeated, repeated, "{name}");
    }
}

#[tokio::test]
async fn an_excerpt_comes_to_its_end_only_whole() {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    for key in 0..6 {
        put(&store, &format!("k{key}"), "v".repeat(100)).await.unwrap();
    }
    let whole = bytes(&store, 2).await;
    let read = |bytes: &[u8]| {
        let mut reader = ExcerptReader::new(bytes)?;
        while reader.read()?.is_some() {}
        Ok::<_, kivi_store::Damage>((reader.first(), reader.last(), reader.store_id()))
    };
    assert_eq!(read(&whole).unwrap(), (3, 6, store.store_id()));
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
        let mut flipped = whole.clone();
        flipped[length] ^= 1 << (length % 8);
        assert!(read(&flipped).is_err(), "byte {length}");
    }
    assert!(read(&[&whole[..], b"\0"].concat()).is_err());
    assert_eq!(read(&bytes(&store, 6).await).unwrap(), (7, 6, store.store_id()));
    let snapshot: Vec<Bytes> = store.copy().bytes.map(Result::unwrap).collect();
    assert!(ExcerptReader::new(&snapshot.concat()[..]).is_err(), "a snapshot is none");
    assert!(inspect(&whole[..]).is_err(), "and none is a snapshot");
}

#[tokio::test]
async fn entries_that_do_not_follow_are_refused() {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    for key in ["a", "b", "c"] {
        put(&store, key, "v").await.unwrap();
    }
    let all = entries(&bytes(&store, 0).await);
    let mut behind = Later::behind(1);
    assert_eq!(behind.add(&all[2]), Err(Gap { expected: 2, found: 3 }));
    assert_eq!(behind.add(&all[0]), Err(Gap { expected: 2, found: 1 }));
    behind.add(&all[1]).unwrap();
    let copy: Vec<Bytes> = store.copy().bytes.map(Result::unwrap).collect();
    let disk = FakeDisk::default();
    let apart = restore_in(&disk, &copy.concat()[..], Some(behind));
    assert!(matches!(apart, Err(RestoreError::Apart { sequence: 3, behind: 1 })), "{apart:?}");
    assert!(disk.names().is_empty(), "{:?}", disk.names());
}
