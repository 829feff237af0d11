//! The room that is held for the next snapshot: whatever goes wrong, it is held on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use kivi_store::{
    CompactError, LogEntry, LogError, Snapshot, SnapshotError, StateHash, Store, StoreError, StoreOptions,
    TransactionLog,
};

use self::support::{delete, disk::FakeDisk, files, log_on, put, store_on};

const RESERVE: u64 = 100_000;

/// How much is held, in bytes.
fn held(disk: &FakeDisk) -> u64 {
    files(disk, ".snapshot.unfinished").iter().map(|name| disk.bytes(name).len() as u64).sum()
}

#[tokio::test]
async fn a_larger_reserve_that_finds_no_room_leaves_the_one_that_is_held() {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    log.reserve(RESERVE).await.unwrap();
    disk.faults(|faults| faults.capacity = Some(200_000));
    let refused = log.reserve(RESERVE * 3).await;
    assert!(matches!(refused, Err(LogError::Io { action: "allocate", .. })), "{refused:?}");
    assert_eq!(held(&disk), RESERVE);
    disk.faults(|faults| faults.capacity = None);
    log.reserve(RESERVE * 3).await.unwrap();
    assert_eq!(held(&disk), RESERVE * 3);
}

/// A snapshot that is read too slowly, behind some of it.
struct Overrun {
    parts: u64,
}

impl Snapshot for Overrun {
    fn sequence(&self) -> u64 {
        0
    }

    fn hash(&self) -> StateHash {
        StateHash::default()
    }

    fn read(&mut self) -> Result<Vec<LogEntry>, SnapshotError> {
        let sequence = self.parts;
        self.parts = self.parts.checked_sub(1).ok_or(SnapshotError::Overrun { limit: 1 })?;
        Ok(vec![LogEntry { sequence, record: support::record("k", &[7; 50_000]) }])
    }
}

#[tokio::test]
async fn a_compaction_that_breaks_off_leaves_the_reserve_and_takes_no_more_room() {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    for parts in [0, 1, 9] {
        log.reserve(RESERVE).await.unwrap();
        let broken = log.compact(Box::new(move || Box::new(Overrun { parts }))).await;
        assert!(matches!(broken, Err(CompactError::Snapshot(SnapshotError::Overrun { .. }))), "{broken:?}");
        assert_eq!(held(&disk), RESERVE, "behind {parts} parts");
    }
}

#[tokio::test]
async fn a_compaction_that_finds_the_volume_full_leaves_the_reserve() {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    log.reserve(RESERVE).await.unwrap();
    let store = Store::open(log, StoreOptions::default()).await.unwrap();
    put(&store, "k", vec![7; 1000]).await.unwrap();
    disk.faults(|faults| faults.thin = true);
    let refused = store.compact().await;
    assert!(matches!(refused, Err(CompactError::Full { .. })), "{refused:?}");
    assert_eq!(held(&disk), RESERVE);
    disk.faults(|faults| faults.thin = false);
    store.compact().await.unwrap();
    assert_eq!(held(&disk), 0, "it was used up");
}

#[tokio::test]
async fn the_reserve_is_held_over_a_restart_on_a_full_volume() {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    log.reserve(RESERVE).await.unwrap();
    disk.faults(|faults| faults.capacity = Some(1));
    log.close().await.unwrap();
    drop(log);
    let store = store_on(&disk).await.unwrap();
    assert_eq!(held(&disk), RESERVE);
    store.compact().await.unwrap();
}

#[tokio::test]
async fn on_a_volume_that_is_full_of_live_keys_some_can_be_deleted_and_writes_go_on() {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    log.reserve(RESERVE * 4).await.unwrap();
    let store = Store::open(log, StoreOptions::default()).await.unwrap();
    disk.faults(|faults| faults.capacity = Some(RESERVE * 7));
    let mut stored = 0;
    while put(&store, &format!("k{stored}"), vec![7; 1500]).await.is_ok() {
        stored += 1;
    }
    // Until not even the smallest one is taken.
    let mut small = 0;
    while put(&store, &format!("s{small}"), "").await.is_ok() {
        small += 1;
    }
    for key in 0..30 {
        let deleted = delete(&store, &format!("k{key}")).await;
        assert!(deleted.is_ok(), "{key} of {stored}: {deleted:?}");
    }
    assert_eq!(put(&store, "next", vec![7; 1500]).await, Err(StoreError::LogFull));
    store.compact().await.unwrap();
    put(&store, "next", vec![7; 1500]).await.unwrap();
}

#[tokio::test]
async fn a_log_that_outruns_its_reserve_is_full_while_it_can_still_be_compacted() {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    let store = {
        log.expect_snapshot(1);
        Store::open(log, StoreOptions::default()).await.unwrap()
    };
    disk.faults(|faults| faults.capacity = Some(RESERVE * 10));
    let mut stored = 0;
    while put(&store, &format!("k{stored}"), vec![7; 1500]).await.is_ok() {
        stored += 1;
    }
    assert!(stored > 200, "{stored}");
    // Everything is alive: the snapshot takes as much as the log.
    store.compact().await.unwrap();
    assert_eq!(store_on(&disk).await.unwrap().status().keys, stored);
}
