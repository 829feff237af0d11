//! Transactions, remembered requests and deadlines, as a user of the store sees them.

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
use futures::future::join;
use kivi_store::{
    Action, Condition, EventKind, FailedCondition, KeyRange, OpenError, Operation, Put, RequestId, Store,
    StoreError, StoreLimits, StoreOptions, Transaction, TransactionLog,
};

use self::support::{memory_log::MemoryLog, put, put_of, value};

async fn open(log: &MemoryLog) -> Arc<Store> {
    Store::open(log.clone(), StoreOptions::default()).await.unwrap()
}

/// A store whose clock a test turns.
async fn open_at(log: &MemoryLog, now_ms: &Arc<AtomicU64>) -> Arc<Store> {
    let now = Arc::clone(now_ms);
    let clock = Arc::new(move || now.load(Ordering::Relaxed));
    Store::open(log.clone(), StoreOptions { clock, ..StoreOptions::default() }).await.unwrap()
}

fn operation(key: &'static str, value: Option<&'static str>) -> Operation {
    let action = value.map_or(Action::Delete, |value| Action::Put {
        value: Bytes::from_static(value.as_bytes()),
        media_type: None,
        ttl: None,
    });
    Operation { key: Bytes::from_static(key.as_bytes()), action }
}

fn id(name: &'static str, fingerprint: u8) -> RequestId {
    RequestId { id: Bytes::from_static(name.as_bytes()), fingerprint: [fingerprint; 16] }
}

fn living(key: &str, ttl_ms: u64) -> Put {
    Put { ttl: Some(Duration::from_millis(ttl_ms)), ..put_of(key, "v", Condition::None) }
}

#[tokio::test]
async fn a_transaction_is_one_revision_for_all_of_its_keys() {
    let store = open(&MemoryLog::default()).await;
    put(&store, "old", "1").await.unwrap();
    let operations = vec![operation("old", None), operation("new", Some("2")), operation("none", None)];
    let done = store.transact(Transaction { operations, ..Transaction::default() }).await.unwrap();
    assert_eq!((done.revision, &done.existed[..]), (2, &[true, false, false][..]));
    assert_eq!((value(&store, "old"), value(&store, "new")), (None, Some("2".into())));
    assert_eq!(store.get(b"new").unwrap().revision, 2);
}

#[tokio::test]
async fn one_condition_that_fails_stops_all_of_it() {
    let store = open(&MemoryLog::default()).await;
    put(&store, "k", "1").await.unwrap();
    let conditions = vec![
        (Bytes::from_static(b"k"), Condition::RevisionIn(vec![1])),
        (Bytes::from_static(b"other"), Condition::Exists),
    ];
    let operations = vec![operation("k", Some("2")), operation("l", Some("2"))];
    let refused = store.transact(Transaction { conditions, operations, request: None }).await;
    let failed = vec![FailedCondition { index: 1, current: None }];
    assert_eq!(refused, Err(StoreError::ConditionsFailed { failed }));
    assert_eq!((value(&store, "k"), value(&store, "l")), (Some("1".into()), None));
    let twice = vec![operation("k", None), operation("l", None), operation("k", Some("2"))];
    let refused = store.transact(Transaction { operations: twice, ..Transaction::default() }).await;
    assert_eq!(refused, Err(StoreError::DuplicateKey { index: 2 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sees_one_key_of_a_transaction_sees_all_of_it() {
    let store = open(&MemoryLog::default()).await;
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for round in 0..3000_u32 {
                let value = Bytes::from(round.to_be_bytes().to_vec());
                let put = |key: &'static str| Operation {
                    key: Bytes::from_static(key.as_bytes()),
                    action: Action::Put { value: value.clone(), media_type: None, ttl: None },
                };
                let operations = ["a", "b", "c", "d"].map(put).to_vec();
                store.transact(Transaction { operations, ..Transaction::default() }).await.unwrap();
            }
        }
    });
    let mut last = None;
    while !writer.is_finished() {
        for keys in [["a", "d", "b", "c"], ["c", "b", "d", "a"]] {
            for key in keys {
                let revision = store.get(key.as_bytes()).map(|entry| entry.revision);
                assert!(revision >= last, "{key} is of {revision:?}, and another key was of {last:?} before");
                last = revision;
            }
        }
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_repeated_request_is_told_what_the_first_one_did() {
    let now_ms = Arc::new(AtomicU64::new(1_000_000));
    let log = MemoryLog::default();
    let store = open_at(&log, &now_ms).await;
    let request =
        |name, fingerprint| Put { request: Some(id(name, fingerprint)), ..put_of("k", "v", Condition::None) };
    let first = store.put(request("r", 1)).await.unwrap();
    put(&store, "k", "other").await.unwrap();
    let again = store.put(request("r", 1)).await.unwrap();
    assert_eq!((again.revision, again.created, again.repeated), (first.revision, true, true));
    assert_eq!(value(&store, "k").unwrap(), "other", "nothing was written");
    assert_eq!(store.put(request("r", 2)).await, Err(StoreError::RequestDiffers));
    // Also after a restart, with and without a compaction in between.
    for compact in [false, true] {
        if compact {
            let snapshot = store.snapshot();
            log.compact(Box::new(move || snapshot)).await.unwrap();
        }
        let reopened = open_at(&log, &now_ms).await;
        assert_eq!(reopened.put(request("r", 1)).await.unwrap(), again);
        assert_eq!(reopened.status().memory_bytes, store.status().memory_bytes);
    }
    now_ms.fetch_add(24 * 60 * 60 * 1000, Ordering::Relaxed);
    let late = store.put(request("r", 2)).await.unwrap();
    assert!(!late.repeated, "its window is over");
}

#[tokio::test]
async fn a_request_that_wrote_nothing_is_remembered_too_and_a_refused_one_is_not() {
    let store = open(&MemoryLog::default()).await;
    let nothing = || Transaction {
        operations: vec![operation("k", None)],
        request: Some(id("n", 1)),
        ..Transaction::default()
    };
    let first = store.transact(nothing()).await.unwrap();
    put(&store, "k", "v").await.unwrap();
    let again = store.transact(nothing()).await.unwrap();
    assert_eq!((again.revision, &again.existed[..], again.repeated), (first.revision, &[false][..], true));
    assert_eq!(value(&store, "k").unwrap(), "v");
    let create = || Put { request: Some(id("c", 1)), ..put_of("k", "w", Condition::Absent) };
    assert!(matches!(store.put(create()).await, Err(StoreError::ConditionFailed { .. })));
    support::delete(&store, "k").await.unwrap();
    assert!(!store.put(create()).await.unwrap().repeated);
}

#[tokio::test]
async fn of_two_requests_of_one_name_at_once_one_is_in_flight() {
    let store = open(&MemoryLog::default()).await;
    let request = || Put { request: Some(id("r", 1)), ..put_of("k", "v", Condition::None) };
    let (one, other) = join(store.put(request()), store.put(request())).await;
    assert!(one.is_ok());
    assert_eq!(other, Err(StoreError::RequestInFlight));
    assert!(store.put(request()).await.unwrap().repeated);
}

#[tokio::test]
async fn a_key_is_gone_at_its_deadline_before_the_log_is_told() {
    let now_ms = Arc::new(AtomicU64::new(1_000_000));
    let log = MemoryLog::default();
    let store = open_at(&log, &now_ms).await;
    store.put(living("k", 500)).await.unwrap();
    put(&store, "l", "v").await.unwrap();
    now_ms.store(1_000_499, Ordering::Relaxed);
    assert!(store.get(b"k").is_some());
    now_ms.store(1_000_500, Ordering::Relaxed);
    assert_eq!(store.get(b"k"), None);
    assert_eq!(store.status().last_revision, 2, "no expiry was logged yet");
    let seen = store.scan(kivi_store::Scan { range: KeyRange::all(), reverse: false, revision: None });
    assert_eq!(seen.unwrap().read(9, 999).unwrap().len(), 1);
    assert!(store.put(put_of("k", "again", Condition::Absent)).await.unwrap().created);
}

#[tokio::test(start_paused = true)]
async fn an_expiry_is_an_event_at_its_time_and_survives_a_restart() {
    let log = MemoryLog::default();
    let store = open(&log).await;
    let mut watch = store.watch(KeyRange::all(), None).unwrap();
    store.put(living("later", 90_000)).await.unwrap();
    store.put(living("soon", 1_000)).await.unwrap();
    store.put(living("kept", 1_000)).await.unwrap();
    put(&store, "kept", "a put without a deadline takes it away").await.unwrap();
    let began = tokio::time::Instant::now();
    let mut events = Vec::new();
    while events.len() < 5 {
        events.extend(watch.next().await.unwrap());
    }
    let expired = &events[4];
    assert_eq!((&expired.key[..], &expired.kind, expired.revision), (&b"soon"[..], &EventKind::Expire, 5));
    assert_eq!(expired.previous, Some(2));
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(990) && waited < Duration::from_millis(1_100), "{waited:?}");
    store.close().await.unwrap();

    let reopened = open(&log).await;
    assert_eq!(reopened.status().keys, 2);
    let mut watch = reopened.watch(KeyRange::all(), None).unwrap();
    let events = watch.next().await.unwrap();
    assert_eq!((&events[0].key[..], &events[0].kind), (&b"later"[..], &EventKind::Expire));
    assert!(began.elapsed() >= Duration::from_millis(89_000), "{:?}", began.elapsed());
    assert_eq!(value(&reopened, "kept").unwrap(), "a put without a deadline takes it away");
}

#[tokio::test]
async fn a_clock_that_was_set_back_goes_on_from_the_log() {
    let now_ms = Arc::new(AtomicU64::new(1_000_000));
    let log = MemoryLog::default();
    let store = open_at(&log, &now_ms).await;
    store.put(living("k", 1_000)).await.unwrap();
    now_ms.store(400_000, Ordering::Relaxed);
    let reopened = open_at(&log, &now_ms).await;
    now_ms.store(400_999, Ordering::Relaxed);
    assert!(reopened.get(b"k").is_some());
    now_ms.store(401_000, Ordering::Relaxed);
    assert_eq!(reopened.get(b"k"), None);
}

#[tokio::test]
async fn the_limit_of_keys_refuses_new_ones_only() {
    let limits = StoreLimits { keys: 2, ..StoreLimits::default() };
    let options = StoreOptions { limits, ..StoreOptions::default() };
    let store = Store::open(MemoryLog::default(), options).await.unwrap();
    put(&store, "a", "1").await.unwrap();
    put(&store, "b", "1").await.unwrap();
    assert_eq!(put(&store, "c", "1").await, Err(StoreError::KeysFull { limit: 2 }));
    put(&store, "a", "2").await.unwrap();
    let swap = vec![operation("a", None), operation("c", Some("1"))];
    store.transact(Transaction { operations: swap, ..Transaction::default() }).await.unwrap();
    assert_eq!(store.status().keys, 2);
}

#[tokio::test(start_paused = true)]
async fn a_log_full_of_garbage_is_compacted_by_itself() {
    let log = MemoryLog::default();
    let options = StoreOptions { compact_at_garbage: Some(50), ..StoreOptions::default() };
    let store = Store::open(log.clone(), options).await.unwrap();
    for _ in 0..9 {
        put(&store, "k", vec![7; 1 << 20]).await.unwrap();
    }
    while store.status().compactions == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let status = store.status();
    let usage = status.log.unwrap();
    assert!(usage.bytes < 2 << 20, "{usage:?}");
    assert_eq!((usage.compacted, status.failed_compactions), (9, 0));
    while log.reserved() == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(log.reserved() > 1 << 20, "room for the next one");
    let reopened = open(&log).await;
    assert_eq!(reopened.status().hash, status.hash);
}

#[tokio::test]
async fn a_snapshot_that_lost_a_bit_is_refused() {
    let log = MemoryLog::default();
    let store = open(&log).await;
    put(&store, "k", "v").await.unwrap();
    let snapshot = store.snapshot();
    log.compact(Box::new(move || snapshot)).await.unwrap();
    log.flip_a_bit_of_the_snapshot();
    let refused = Store::open(log.clone(), StoreOptions::default()).await.err().unwrap();
    assert!(matches!(refused, OpenError::HashDiffers { sequence: 1, .. }), "{refused}");
}
