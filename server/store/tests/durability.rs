//! What was acknowledged is there; what was not is not seen; what the disk does wrong is said.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::join_all};
use kivi_store::{
    Chunk, Condition, FileLog, FileLogOptions, Put, ReplayProgress, Store, StoreError, StoreOptions, Sync,
    SyncObserver, TransactionLog,
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};

use self::support::{
    SEGMENT, delete, disk::FakeDisk, eventually, log_on, options, put, put_of, record, replay, store_on,
    value,
};

#[tokio::test]
async fn every_acknowledged_write_is_there_after_a_reopen_byte_for_byte() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    let mut random = StdRng::seed_from_u64(7);
    let mut expected = std::collections::BTreeMap::new();
    for _ in 0..400 {
        let mut key = vec![0; random.random_range(1..4)];
        random.fill(&mut key[..]);
        key[0] %= 64;
        let mut value = vec![0; random.random_range(0..2000)];
        random.fill(&mut value[..]);
        let media_type: Option<Arc<str>> = random.random::<bool>().then(|| "text/x-odd; charset=ü".into());
        let (key, value) = (Bytes::from(key), Bytes::from(value));
        let put = Put {
            key: key.clone(),
            value: value.clone(),
            media_type: media_type.clone(),
            ttl: None,
            condition: Condition::None,
            request: None,
        };
        store.put(put).await.unwrap();
        expected.insert(key, (value, media_type));
    }
    assert!(disk.names().len() > 4, "it went over several segments");
    let before: Vec<_> = expected.keys().map(|key| store.get(key).unwrap()).collect();
    store.close().await.unwrap();

    let progress = ReplayProgress::default();
    let options = StoreOptions { progress: progress.clone(), ..StoreOptions::default() };
    let reopened = Store::open(log_on(&disk).unwrap(), options).await.unwrap();
    for ((key, (value, media_type)), before) in expected.iter().zip(before) {
        let entry = reopened.get(key).unwrap();
        assert_eq!((&entry.value, &entry.media_type), (value, media_type));
        assert_eq!(entry, before, "revision and time come back too");
    }
    // The mark of the orderly end takes room in the log as well.
    let counted = kivi_store::StoreStatus { log: None, ..reopened.status() };
    assert_eq!(counted, store_status_of(&store), "and what was counted");
    assert_eq!(progress.records(), 400);
    assert_eq!(put(&reopened, "next", "x").await.unwrap().revision, 401);
}

fn store_status_of(store: &Store) -> kivi_store::StoreStatus {
    kivi_store::StoreStatus { writable: Ok(()), log: None, ..store.status() }
}

#[tokio::test]
async fn concurrent_writes_share_syncs() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    disk.faults(|faults| faults.sync_held = true);
    let first = tokio::spawn({
        let store = Arc::clone(&store);
        async move { put(&store, "first", "x").await }
    });
    eventually(|| disk.counts().waiting_syncs == 1).await;
    let before = disk.counts();
    let submitted = Arc::new(AtomicUsize::new(0));
    let rest: Vec<_> = (0..500)
        .map(|key| {
            let (store, submitted) = (Arc::clone(&store), Arc::clone(&submitted));
            tokio::spawn(async move {
                submitted.fetch_add(1, Ordering::Relaxed);
                put(&store, &format!("k{key}"), "x").await
            })
        })
        .collect();
    eventually(|| submitted.load(Ordering::Relaxed) == 500).await;
    disk.faults(|faults| faults.sync_held = false);
    first.await.unwrap().unwrap();
    assert!(join_all(rest).await.into_iter().all(|answer| answer.unwrap().is_ok()));
    let syncs = disk.counts().syncs - before.syncs;
    assert!(syncs <= 2, "one for the first and one for the other 500, not {syncs}");
}

#[tokio::test]
async fn a_write_is_not_seen_before_it_is_durable_but_decides_conditions() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    disk.faults(|faults| faults.sync_held = true);
    let mut first = Box::pin(store.put(put_of("k", "1", Condition::Absent)));
    assert!(first.as_mut().now_or_never().is_none());
    eventually(|| disk.counts().waiting_syncs == 1).await;
    let mut second = Box::pin(store.put(put_of("k", "2", Condition::Absent)));
    assert!(second.as_mut().now_or_never().is_none(), "its refusal would tell of a write that may be lost");
    let mut third = Box::pin(store.put(put_of("k", "3", Condition::RevisionIn(vec![1]))));
    assert!(third.as_mut().now_or_never().is_none());
    assert_eq!(store.get(b"k"), None);
    disk.faults(|faults| faults.sync_held = false);
    assert_eq!(first.await.unwrap().revision, 1);
    assert_eq!(second.await, Err(StoreError::ConditionFailed { current: Some(1) }));
    assert_eq!(third.await.unwrap().revision, 2);
    assert_eq!(value(&store, "k").unwrap(), "3");
}

#[tokio::test]
async fn a_write_goes_on_when_its_caller_leaves() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    disk.faults(|faults| faults.sync_held = true);
    assert!(put(&store, "k", "x").now_or_never().is_none(), "dropped while under way");
    disk.faults(|faults| faults.sync_held = false);
    eventually(|| store.get(b"k").is_some()).await;
}

#[tokio::test]
async fn a_failed_sync_stops_writes_for_good_and_reads_go_on() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    put(&store, "k", "1").await.unwrap();
    disk.faults(|faults| faults.sync_fails = true);
    let failed = put(&store, "k", "2").await.unwrap_err();
    assert!(
        matches!(&failed, StoreError::LogFailed { message } if message.contains("can't sync /disk/0")),
        "{failed}"
    );
    disk.faults(|faults| faults.sync_fails = false);
    let before = disk.counts();
    assert!(matches!(put(&store, "k", "3").await, Err(StoreError::LogFailed { .. })));
    assert!(matches!(delete(&store, "k").await, Err(StoreError::LogFailed { .. })));
    assert_eq!(disk.counts().syncs, before.syncs, "it is never tried again");
    assert_eq!(value(&store, "k").unwrap(), "1");
    assert!(matches!(store.status().writable, Err(StoreError::LogFailed { .. })));
    assert!(matches!(store.close().await, Err(StoreError::LogFailed { .. })));
    assert_eq!(value(&store, "k").unwrap(), "1");
}

/// Every way a power cut may leave a disk, tried often enough.
const CUTS: u64 = 32;

#[tokio::test]
async fn what_a_failed_sync_left_in_memory_is_made_durable_before_anything_follows_it() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    put(&store, "k", "1").await.unwrap();
    disk.faults(|faults| faults.sync_fails = true);
    assert!(put(&store, "k", "2").await.is_err());
    assert!(store.close().await.is_err());
    disk.faults(|faults| faults.sync_fails = false);

    let restarted = store_on(&disk).await.unwrap();
    put(&restarted, "after", "3").await.unwrap();
    put(&restarted, "after", "4").await.unwrap();
    for seed in 0..CUTS {
        let after = store_on(&disk.power_cut(seed)).await.unwrap();
        assert_eq!(value(&after, "after").unwrap(), "4", "cut {seed}");
    }
}

#[tokio::test]
async fn a_mark_that_was_never_synced_is_made_durable_as_well() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    put(&store, "k", "1").await.unwrap();
    disk.faults(|faults| faults.sync_fails = true);
    assert!(store.close().await.is_err(), "the mark of an orderly close is not durable");
    disk.faults(|faults| faults.sync_fails = false);

    let restarted = store_on(&disk).await.unwrap();
    put(&restarted, "k", "2").await.unwrap();
    put(&restarted, "k", "3").await.unwrap();
    for seed in 0..CUTS {
        let after = store_on(&disk.power_cut(seed)).await.unwrap();
        assert_eq!(value(&after, "k").unwrap(), "3", "cut {seed}");
    }
}

#[tokio::test]
async fn a_segment_whose_name_was_not_durable_is_named_durably_before_anything_follows() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    disk.faults(|faults| faults.directory_sync_fails = true);
    let mut stored = 0;
    while put(&store, &format!("k{stored}"), vec![1; 1000]).await.is_ok() {
        stored += 1;
    }
    assert!(matches!(store.status().writable, Err(StoreError::LogFailed { .. })));
    disk.faults(|faults| faults.directory_sync_fails = false);

    let restarted = store_on(&disk).await.unwrap();
    put(&restarted, "after", "x").await.unwrap();
    for seed in 0..CUTS {
        let after = store_on(&disk.power_cut(seed)).await.unwrap();
        assert_eq!(value(&after, "after").unwrap(), "x", "cut {seed}");
    }
}

#[tokio::test]
async fn a_sync_that_fails_behind_the_writes_is_told_without_another_write() {
    let disk = FakeDisk::default();
    let interval = Sync::Interval(Duration::from_millis(1));
    let log = FileLog::open_in(Arc::new(disk.clone()), options(interval)).unwrap();
    let store = Store::open(log, StoreOptions::default()).await.unwrap();
    disk.faults(|faults| faults.sync_fails = true);
    put(&store, "k", "1").await.unwrap();
    eventually(|| matches!(store.status().writable, Err(StoreError::LogFailed { .. }))).await;
}

#[tokio::test]
async fn each_sync_is_observed_with_its_duration() {
    let disk = FakeDisk::default();
    let observed = Arc::new(Mutex::new(Vec::new()));
    let on_sync: SyncObserver = {
        let observed = Arc::clone(&observed);
        Arc::new(move |took| observed.lock().push(took))
    };
    let options = FileLogOptions { on_sync: Some(on_sync), ..options(Sync::Always) };
    let log = FileLog::open_in(Arc::new(disk.clone()), options).unwrap();
    let before = disk.counts().syncs;
    for tail in 0..3 {
        log.append(0, tail, &[record("k", b"1")]).await.unwrap();
    }
    disk.faults(|faults| faults.sync_fails = true);
    log.append(0, 3, &[record("k", b"1")]).await.unwrap_err();
    assert_eq!(observed.lock().len(), 4, "the failed one too");
    assert_eq!(disk.counts().syncs - before, 4);
    assert!(observed.lock().iter().all(|took| *took < Duration::from_secs(60)));
}

#[tokio::test]
async fn a_failed_write_is_cut_off_at_the_next_start() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    put(&store, "k", "1").await.unwrap();
    disk.faults(|faults| faults.write_fails = true);
    assert!(matches!(put(&store, "k", "2").await, Err(StoreError::LogFailed { .. })));
    let reopened = store_on(&disk.copy()).await.unwrap();
    assert_eq!(value(&reopened, "k").unwrap(), "1");
    assert_eq!(put(&reopened, "k", "3").await.unwrap().revision, 2);
}

#[tokio::test]
async fn a_full_volume_refuses_writes_until_there_is_room() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    disk.faults(|faults| faults.capacity = Some(SEGMENT + 1000));
    let mut stored = 0;
    let refused = loop {
        match put(&store, &format!("k{stored}"), vec![1; 1000]).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, StoreError::LogFull);
    assert!(stored > 50);
    assert_eq!(store.status().writable, Err(StoreError::LogFull));
    let together = join_all((0..20).map(|_| put(&store, "together", vec![2; 1000]))).await;
    assert!(together.iter().all(|answer| *answer == Err(StoreError::LogFull)));
    assert_eq!(value(&store, "together"), None);
    assert_eq!(value(&store, "k0").unwrap().len(), 1000, "reads go on");

    disk.faults(|faults| faults.capacity = None);
    let next = put(&store, "after", vec![3; 1000]).await.unwrap();
    assert_eq!(next.revision, stored + 1, "refused writes left no hole");
    assert_eq!(store.status().writable, Ok(()));
    store.close().await.unwrap();
    let reopened = store_on(&disk).await.unwrap();
    assert_eq!(reopened.status().keys, stored + 1);
    assert_eq!(value(&reopened, "together"), None);
}

#[tokio::test]
async fn a_volume_without_room_for_a_first_segment_is_told_with_the_way_out_and_left_empty() {
    let disk = FakeDisk::default();
    disk.faults(|faults| faults.capacity = Some(SEGMENT - 1));
    let Err(error) = log_on(&disk) else { panic!("it opened") };
    assert_eq!(
        error.to_string(),
        "/disk has no room for the 65536 bytes of the log's first segment; free space, grow the volume, or \
         choose smaller segments"
    );
    assert!(disk.names().is_empty(), "{:?}", disk.names());
    disk.faults(|faults| faults.capacity = None);
    assert_eq!(store_on(&disk).await.unwrap().status().keys, 0);
}

#[tokio::test]
async fn half_a_write_on_a_full_volume_is_taken_back() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    put(&store, "k", "1").await.unwrap();
    disk.faults(|faults| faults.thin = true);
    assert_eq!(put(&store, "lost", vec![1; 5000]).await, Err(StoreError::LogFull));
    let crashed = store_on(&disk.copy()).await.unwrap();
    assert_eq!(crashed.status().keys, 1);
    assert!(disk.copy().names().iter().all(|name| !name.contains("torn")));
    disk.faults(|faults| faults.thin = false);
    assert_eq!(put(&store, "k", "2").await.unwrap().revision, 2);
    store.close().await.unwrap();
    let reopened = store_on(&disk).await.unwrap();
    assert_eq!(value(&reopened, "k").unwrap(), "2");
    assert_eq!(value(&reopened, "lost"), None);
}

#[tokio::test]
async fn close_flushes_what_was_accepted_and_refuses_the_rest() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    disk.faults(|faults| faults.sync_held = true);
    let keys: Vec<String> = (0..50).map(|key| format!("k{key}")).collect();
    let mut accepted = Box::pin(join_all(keys.iter().map(|key| put(&store, key, "x"))));
    assert!(accepted.as_mut().now_or_never().is_none());
    let mut closing = Box::pin(store.close());
    assert!(closing.as_mut().now_or_never().is_none());
    assert_eq!(put(&store, "late", "x").await, Err(StoreError::Closed));
    disk.faults(|faults| faults.sync_held = false);
    closing.await.unwrap();
    assert!(accepted.await.iter().all(Result::is_ok));
    store.close().await.unwrap();
    assert_eq!(value(&store, "k7").unwrap(), "x", "reads go on");
    let reopened = store_on(&disk.power_cut(1)).await.unwrap();
    assert_eq!(reopened.status().keys, 50);
}

#[tokio::test]
async fn an_interval_syncs_by_itself() {
    let disk = FakeDisk::default();
    let log =
        FileLog::open_in(Arc::new(disk.clone()), options(Sync::Interval(Duration::from_millis(5)))).unwrap();
    let store = Store::open(log, StoreOptions::default()).await.unwrap();
    for key in 0..100 {
        put(&store, &format!("k{key}"), "x").await.unwrap();
    }
    eventually(|| store_keys_after_cut(&disk) == 100).await;
}

/// How many records a power cut now would leave for certain.
fn store_keys_after_cut(disk: &FakeDisk) -> usize {
    (0..4)
        .map(|seed| {
            let log = log_on(&disk.power_cut(seed)).unwrap();
            futures::executor::block_on(replay(&log, 0)).unwrap().len()
        })
        .min()
        .unwrap()
}

#[tokio::test]
async fn before_its_interval_only_the_end_of_a_segment_and_close_sync() {
    let disk = FakeDisk::default();
    let hour = Sync::Interval(Duration::from_secs(3600));
    let log = FileLog::open_in(Arc::new(disk.clone()), options(hour)).unwrap();
    let store = Store::open(log, StoreOptions::default()).await.unwrap();
    let before = disk.counts().syncs;
    for key in 0..30 {
        put(&store, &format!("k{key}"), vec![1; 1000]).await.unwrap();
    }
    assert_eq!(disk.counts().syncs, before);
    store.close().await.unwrap();
    assert_eq!(store_on(&disk.power_cut(3)).await.unwrap().status().keys, 30);
}

#[tokio::test]
async fn a_follower_of_the_log_sees_what_is_there_and_what_comes() {
    use futures::StreamExt;
    let log = log_on(&FakeDisk::default()).unwrap();
    for (tail, key) in (0..).zip(["a", "b", "c"]) {
        log.append(0, tail, &[record(key, b"1")]).await.unwrap();
    }
    let mut follower = log.tail(1).flat_map(|chunk| match chunk.unwrap() {
        Chunk::Entries(entries) => futures::stream::iter(entries),
        other => panic!("{other:?}"),
    });
    let mut next =
        async || follower.next().await.map(|entry| (entry.sequence, entry.record.changes[0].key.clone()));
    assert_eq!(next().await, Some((2, "b".into())));
    assert_eq!(next().await, Some((3, "c".into())));
    log.append(0, 3, &[record("d", b"1"), record("e", b"1")]).await.unwrap();
    assert_eq!(next().await, Some((4, "d".into())));
    assert_eq!(next().await, Some((5, "e".into())));
    log.close().await.unwrap();
    assert_eq!(next().await, None);
}
