//! Whoever reads the log while it goes on under the reader: segments are left, cut, and taken away by a compaction.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};
use kivi_store::{
    AppendError, Chunk, CompactError, Entries, FileLog, FileLogOptions, LogError, Store, StoreOptions,
    TransactionLog,
};

use self::support::{FIRST, disk::FakeDisk, eventually, files, log_on, options, put, record, store_on};

/// Reads up to the end; how many entries, and how it ended.
async fn count(mut entries: Entries) -> (usize, Option<LogError>) {
    let mut seen = 0;
    while let Some(chunk) = entries.next().await {
        match chunk {
            Ok(Chunk::Entries(more)) => seen += more.len(),
            Ok(_) => {}
            Err(error) => return (seen, Some(error)),
        }
    }
    (seen, None)
}

#[tokio::test]
async fn a_follower_goes_on_over_the_end_of_a_segment_that_was_left_meanwhile() {
    let log = log_on(&FakeDisk::default()).unwrap();
    log.append(0, 0, &[record("k", &[1; 1000])]).await.unwrap();
    let mut follower = log.tail(0);
    assert!(matches!(follower.next().await, Some(Ok(Chunk::Entries(entries))) if entries.len() == 1));
    for tail in 1..300 {
        log.append(0, tail, &[record("k", &[1; 1000])]).await.unwrap();
    }
    log.close().await.unwrap();
    let (seen, error) = count(follower).await;
    assert_eq!((seen, error.map(|error| error.to_string())), (299, None));
}

/// A log of some large segments, and a reader that waits in the first of them.
async fn reader_in_the_first_segment(disk: &FakeDisk) -> (Arc<Store>, Entries) {
    let large = FileLogOptions { segment_bytes: 2 << 20, ..FileLogOptions::default() };
    let log = FileLog::open_in(Arc::new(disk.clone()), large.clone()).unwrap();
    let store = Store::open(log, StoreOptions::default()).await.unwrap();
    for number in 0..700 {
        put(&store, &format!("k{}", number % 10), vec![7; 10_000]).await.unwrap();
    }
    let log = FileLog::open_in(Arc::new(disk.clone()), large).unwrap();
    let mut entries = log.replay(1);
    assert!(entries.next().await.unwrap().is_ok());
    // It reads a few chunks ahead, and then waits for whoever listens.
    let mut steps = disk.counts().steps;
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = disk.counts().steps;
        if now == std::mem::replace(&mut steps, now) {
            return (store, entries);
        }
    }
}

#[tokio::test]
async fn a_reader_whose_next_segment_a_compaction_took_is_told_so() {
    let disk = FakeDisk::default();
    let (store, entries) = reader_in_the_first_segment(&disk).await;
    store.compact().await.unwrap();
    let (seen, error) = count(entries).await;
    assert!(seen > 0 && seen < 699, "{seen}");
    assert!(matches!(error, Some(LogError::Compacted { .. })), "{error:?}");
}

#[tokio::test]
async fn a_reader_whose_segment_goes_between_the_look_and_the_opening_is_told_so() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    for number in 0..200 {
        put(&store, &format!("k{}", number % 10), vec![7; 1000]).await.unwrap();
    }
    let log = log_on(&disk.clone()).unwrap();
    disk.faults(|faults| faults.open_held = Some(FIRST.to_owned()));
    let mut entries = Box::pin(log.replay(1).try_collect::<Vec<Chunk>>());
    eventually(|| disk.counts().waiting_opens == 1).await;
    store.compact().await.unwrap();
    disk.faults(|faults| faults.open_held = None);
    let read = entries.as_mut().await;
    assert!(matches!(read, Err(LogError::Compacted { after: 1, .. })), "{read:?}");
}

#[tokio::test]
async fn a_reader_of_all_gets_the_next_snapshot_where_the_one_it_meant_was_replaced() {
    let disk = FakeDisk::default();
    let store = store_on(&disk).await.unwrap();
    put(&store, "k", "1").await.unwrap();
    store.compact().await.unwrap();
    put(&store, "k", "2").await.unwrap();
    let first = files(&disk, ".snapshot").remove(0);
    let log = log_on(&disk.clone()).unwrap();
    disk.faults(|faults| faults.open_held = Some(first));
    let mut entries = Box::pin(log.replay(0).try_collect::<Vec<Chunk>>());
    eventually(|| disk.counts().waiting_opens == 1).await;
    store.compact().await.unwrap();
    disk.faults(|faults| faults.open_held = None);
    let read = entries.as_mut().await.unwrap();
    assert!(matches!(read.last(), Some(Chunk::SnapshotEnd { sequence: 2, .. })), "{read:?}");
}

#[tokio::test]
async fn a_compaction_that_waits_behind_a_write_that_fails_is_told_the_failure() {
    let disk = FakeDisk::default();
    let log = FileLog::open_in(Arc::new(disk.clone()), options(kivi_store::Sync::Always)).unwrap();
    disk.faults(|faults| (faults.sync_held, faults.sync_fails) = (true, true));
    // A task of its own: it is written for sure only once somebody waits for it.
    let written = tokio::spawn(log.append(0, 0, &[record("k", b"1")]).into_future());
    eventually(|| disk.counts().waiting_syncs == 1).await;
    let compacting = tokio::spawn(log.compact(Box::new(|| panic!("it must not come to that"))));
    // Nothing tells that it waits.
    tokio::time::sleep(Duration::from_millis(50)).await;
    disk.faults(|faults| faults.sync_held = false);
    assert!(matches!(written.await.unwrap(), Err(AppendError::Failed { .. })));
    match compacting.await.unwrap() {
        Err(CompactError::Log(LogError::Failed { message })) => {
            assert!(message.contains("can't sync /disk/"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_compaction_that_is_taken_together_with_a_write_that_fails_is_told_the_failure() {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    disk.faults(|faults| faults.sync_held = true);
    let first = tokio::spawn(log.append(0, 0, &[record("k", b"1")]).into_future());
    eventually(|| disk.counts().waiting_syncs == 1).await;
    let second = log.append(0, 1, &[record("k", b"2")]);
    let compacting = tokio::spawn(log.compact(Box::new(|| panic!("it must not come to that"))));
    // Nothing tells that it waits.
    tokio::time::sleep(Duration::from_millis(50)).await;
    disk.faults(|faults| (faults.sync_held, faults.write_fails) = (false, true));
    assert_eq!(first.await.unwrap(), Ok(1));
    assert!(matches!(second.await, Err(AppendError::Failed { .. })));
    let told = compacting.await.unwrap().unwrap_err().to_string();
    assert!(told.contains("can't write /disk/"), "{told}");
}
