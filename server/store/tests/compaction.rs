//! Compaction of the log on a volume: what it leaves, and what power cuts, full volumes and flipped bits can do to it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::{collections::BTreeMap, sync::Arc};

use futures::TryStreamExt;
use kivi_store::{
    Chunk, CompactError, FileLog, FileLogOptions, KeyRange, LogEntry, LogError, OpenError, PastError,
    Snapshot, SnapshotError, StateHash, Store, StoreError, StoreOptions, TransactionLog, check, repair,
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};

use self::support::{delete, disk::FakeDisk, files, limited, log_on, put, record, store_on, value};

async fn filled(disk: &FakeDisk) -> Arc<Store> {
    let store = store_on(disk).await.unwrap();
    for round in 0..40 {
        for key in 0..10 {
            put(&store, &format!("k{key}"), format!("{round} {}", "v".repeat(700))).await.unwrap();
        }
    }
    delete(&store, "k3").await.unwrap();
    store
}

#[tokio::test]
async fn a_snapshot_takes_the_place_of_the_segments_and_the_log_goes_on() {
    let disk = FakeDisk::default();
    let store = filled(&disk).await;
    assert!(files(&disk, ".log").len() > 3);
    let before = store.status();
    for round in 0..3 {
        store.compact().await.unwrap();
        assert_eq!(files(&disk, ".snapshot").len(), 1, "round {round}: older ones are gone");
        assert_eq!(files(&disk, ".log").len(), 1, "round {round}");
        put(&store, "more", round.to_string()).await.unwrap();
    }
    let after = store.status();
    assert!(after.log.unwrap().bytes * 10 < before.log.unwrap().bytes, "{:?} of {:?}", after.log, before.log);
    store.close().await.unwrap();

    let reopened = store_on(&disk).await.unwrap();
    let status = reopened.status();
    assert_eq!((status.hash, status.last_revision, status.keys), (after.hash, after.last_revision, 10));
    assert_eq!(value(&reopened, "more").unwrap(), "2");
    assert_eq!(status.log.unwrap().compacted, after.log.unwrap().compacted);
    let past = reopened.watch(KeyRange::all(), Some(before.last_revision - 1)).err();
    assert!(matches!(past, Some(PastError::Compacted { .. })), "{past:?}");
    let log = log_on(&disk.copy()).unwrap();
    let refused = log.replay(1).try_collect::<Vec<Chunk>>().await;
    assert!(matches!(refused, Err(LogError::Compacted { after: 1, .. })), "{refused:?}");
}

#[tokio::test]
async fn what_was_acknowledged_survives_power_cuts_at_any_moment_of_a_compaction() {
    let soak: u64 = std::env::var("KIVI_SOAK").map_or(1, |times| times.parse().unwrap());
    let mut disk = FakeDisk::default();
    // The last number of each key that was acknowledged.
    let acknowledged: Arc<Mutex<BTreeMap<u32, u64>>> = Arc::default();
    let mut compacted = 0;
    for round in 0..60 * soak {
        let mut random = StdRng::seed_from_u64(round);
        let store = store_on(&disk).await.unwrap();
        for (key, told) in &mut *acknowledged.lock() {
            let found: u64 = number(&value(&store, &key.to_string()).unwrap());
            assert!(found >= *told, "round {round}: {key} is {found}, and {told} was acknowledged");
            *told = found;
        }
        let writers: Vec<_> = (0..4_u32)
            .map(|writer| {
                let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
                tokio::spawn(async move {
                    loop {
                        let key = writer * 3 + u32::try_from(store.status().last_revision % 3).unwrap();
                        let next = acknowledged.lock().get(&key).copied().unwrap_or(0) + 1;
                        let written =
                            put(&store, &key.to_string(), format!("{next} {}", "v".repeat(300))).await;
                        if written.is_err() {
                            return;
                        }
                        acknowledged.lock().insert(key, next);
                    }
                })
            })
            .collect();
        let compactor = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { while store.compact().await.is_ok() {} })
        };
        for _ in 0..random.random_range(10..2500) {
            tokio::task::yield_now().await;
        }
        // What is acknowledged from here on is not on the disk that is looked at.
        let told = acknowledged.lock().clone();
        let cut = disk.power_cut(random.random());
        compacted += store.status().compactions;
        for task in writers.into_iter().chain([compactor]) {
            task.abort();
        }
        *acknowledged.lock() = told;
        disk = cut;
    }
    assert!(compacted > 10, "{compacted} compactions");
}

fn number(value: &[u8]) -> u64 {
    str::from_utf8(value).unwrap().split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn no_flipped_bit_of_a_compacted_log_is_ever_served() {
    let disk = FakeDisk::default();
    let store = filled(&disk).await;
    store.compact().await.unwrap();
    put(&store, "k1", "behind the snapshot").await.unwrap();
    let whole = store.status();
    store.close().await.unwrap();
    let mut refused = 0;
    for name in [files(&disk, ".snapshot"), files(&disk, ".log")].concat() {
        let bytes = disk.bytes(&name);
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        for at in (0..used).step_by(61).chain(0..used.min(70)).chain(used.saturating_sub(30)..used) {
            let damaged = disk.copy();
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            damaged.set(&name, flipped);
            match log_on(&damaged) {
                Err(_) => refused += 1,
                Ok(log) => match Store::open(log, StoreOptions::default()).await {
                    Err(OpenError::Log(_) | OpenError::HashDiffers { .. }) => refused += 1,
                    Ok(opened) => {
                        let status = opened.status();
                        let same = (status.hash, status.last_revision) == (whole.hash, whole.last_revision);
                        assert!(same, "{name}, byte {at}: served {status:?} instead of {whole:?}");
                    }
                },
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[tokio::test]
async fn a_missing_snapshot_is_a_gap_and_not_an_empty_store() {
    let disk = FakeDisk::default();
    filled(&disk).await.compact().await.unwrap();
    let lost = disk.copy();
    lost.remove_file(&files(&disk, ".snapshot")[0]);
    let opened = Store::open(log_on(&lost).unwrap(), StoreOptions::default()).await;
    assert!(matches!(opened.err(), Some(OpenError::Log(LogError::Gap { expected: 1, .. }))));
}

#[tokio::test]
async fn a_snapshot_grows_urgent_with_what_is_kept_for_it() {
    let store = Store::open(log_on(&FakeDisk::default()).unwrap(), limited(16 << 20)).await.unwrap();
    let write_all = async || {
        for key in 0..300 {
            put(&store, &format!("k{key}"), "v".repeat(700)).await.unwrap();
        }
    };
    write_all().await;
    let mut snapshot = store.snapshot();
    assert_eq!(snapshot.urgency(), 0);
    write_all().await;
    let urgency = snapshot.urgency();
    assert!((90..=100).contains(&urgency), "{urgency} % with a quarter of a sixteenth of the memory");
    while !snapshot.read().unwrap().is_empty() {}
    assert_eq!(snapshot.urgency(), 0);
}

/// A snapshot without keys.
struct Empty(u64);

impl Snapshot for Empty {
    fn sequence(&self) -> u64 {
        self.0
    }

    fn hash(&self) -> StateHash {
        StateHash::default()
    }

    fn read(&mut self) -> Result<Vec<LogEntry>, SnapshotError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_reader_whose_place_is_compacted_away_is_told_so_and_of_no_damage() {
    let options = FileLogOptions { segment_bytes: 2 << 20, ..FileLogOptions::default() };
    let log = FileLog::open_in(Arc::new(FakeDisk::default()), options).unwrap();
    let records: Vec<_> = (0..1000).map(|n| record(&format!("k{n}"), &[7; 3000])).collect();
    let mut tail = 0;
    for batch in records.chunks(10) {
        tail = log.append(0, tail, batch).await.unwrap();
    }
    let mut entries = log.replay(0);
    let first = entries.try_next().await.unwrap();
    assert!(matches!(&first, Some(Chunk::Entries(entries)) if entries[0].sequence == 1), "{first:?}");
    // The reader is a few parts ahead, in the middle of the first segment.
    log.compact(Box::new(move || Box::new(Empty(tail)))).await.unwrap();
    let rest = entries.try_collect::<Vec<Chunk>>().await;
    assert!(matches!(rest, Err(LogError::Compacted { compacted, .. }) if compacted == tail), "{rest:?}");
}

#[tokio::test]
async fn on_a_full_volume_the_reserve_lets_a_compaction_make_room() {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    log.reserve(64 << 10).await.unwrap();
    let store = Store::open(log, StoreOptions::default()).await.unwrap();
    disk.faults(|faults| faults.capacity = Some(500 << 10));
    let large = "v".repeat(6000);
    let mut taken = 0;
    while put(&store, &format!("k{}", taken % 5), large.clone()).await.is_ok() {
        taken += 1;
        assert!(taken < 1000, "the volume is never full");
    }
    assert_eq!(put(&store, "k", large.clone()).await, Err(StoreError::LogFull));
    let (before, rested) = (store.status().hash, disk.counts().rested);
    store.compact().await.unwrap();
    assert_eq!(disk.counts().rested, rested, "writes wait for it");
    put(&store, "k", large.clone()).await.unwrap();
    assert_ne!(store.status().hash, before);
    store.compact().await.unwrap();
    assert!(disk.counts().rested > rested, "nobody waits for it");
    // Without a reserve a compaction may find no room, and then nothing has changed.
    disk.faults(|faults| faults.capacity = Some(0));
    let refused = store.compact().await;
    assert!(matches!(refused, Err(CompactError::Full { .. })), "{refused:?}");
    assert!(files(&disk, ".unfinished").is_empty(), "half a snapshot takes no room");
    store.close().await.unwrap();
    let reopened = store_on(&disk).await.unwrap();
    assert_eq!(value(&reopened, "k").unwrap(), large);
}

#[tokio::test]
async fn a_log_is_checked_and_a_damaged_one_cut_at_its_damage() {
    let directory = tempfile::tempdir().unwrap();
    let options = FileLogOptions { segment_bytes: 64 << 10, ..FileLogOptions::default() };
    let open = || FileLog::open(directory.path(), options.clone()).unwrap();
    let store = Store::open(open(), StoreOptions::default()).await.unwrap();
    for number in 0..300 {
        put(&store, &format!("k{number}"), "v".repeat(600)).await.unwrap();
    }
    let locked = check(directory.path(), 0, &mut |_| Ok(()));
    assert!(matches!(locked, Err(LogError::Locked { .. })), "{locked:?}");
    store.close().await.unwrap();
    drop(store);
    let mut seen = Vec::new();
    let report = check(directory.path(), 290, &mut |entry| {
        seen.push(entry.sequence);
        Ok(())
    })
    .unwrap();
    assert_eq!((report.records, report.tail, report.torn), (300, 300, None));
    assert_eq!(seen, (291..=300).collect::<Vec<_>>());
    assert_eq!(repair(directory.path()).unwrap().damage, None, "a whole log is left as it is");

    let second = directory.path().join(format!("{:020}.log", report.segments[1]));
    let mut bytes = std::fs::read(&second).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(&second, &bytes).unwrap();
    let damage = check(directory.path(), 0, &mut |_| Ok(())).unwrap_err().to_string();
    assert!(damage.contains("corrupt"), "{damage}");
    let repaired = repair(directory.path()).unwrap();
    assert_eq!(repaired.damage, Some(damage));
    let tail = repaired.report.tail;
    assert!(tail >= report.segments[1] && tail < report.segments[2], "{tail}");
    assert_eq!(repaired.kept.len(), report.segments.len() - 1);
    assert_eq!(std::fs::read(directory.path().join(repaired.kept.last().unwrap())).unwrap(), bytes);
    let reopened = Store::open(open(), StoreOptions::default()).await.unwrap();
    assert_eq!(reopened.status().last_revision, tail);
    put(&reopened, "k", "goes on").await.unwrap();
}
