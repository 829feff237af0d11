//! What `check` and `repair` say of a damaged log, and that a start says the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::sync::Arc;

use kivi_store::{
    FileLog, FileLogOptions, LogError, OpenError, Store, StoreOptions, TransactionLog,
    file_log::{check_in, repair_in},
};

use self::support::{
    MANIFEST,
    damaged::{HEADER, Verdict, close, compacted, directory, open, verdict},
    disk::{FakeDisk, Trip},
    files, put, value,
};

#[tokio::test]
async fn check_lists_every_damage_with_its_place() {
    let (disk, whole) = compacted("store").await;
    let segments = files(&disk, ".log");
    let flip = |name: &str, at: usize| {
        let mut bytes = disk.bytes(name);
        bytes[at] ^= 1;
        disk.set(name, bytes);
    };
    flip(MANIFEST, 20);
    flip(&segments[0], HEADER + 40);
    flip(&segments[1], HEADER + 5);
    let second = disk.bytes(&segments[1]);
    let last_batch = second.len() - 28 - 5;
    flip(&segments[1], last_batch);
    flip(&files(&disk, ".snapshot")[0], HEADER + 30);
    let Verdict::Refused(damage) = verdict(&disk, whole, "five damages").await else {
        panic!("it was served")
    };
    assert_eq!(damage.len(), 5, "{damage:#?}");
    assert!(damage[0].contains("MANIFEST"), "{damage:#?}");
    for (name, count) in [(&segments[0], 1), (&segments[1], 2), (&files(&disk, ".snapshot")[0], 1)] {
        assert_eq!(damage.iter().filter(|told| told.contains(&**name)).count(), count, "{name}: {damage:#?}");
    }
}

#[tokio::test]
async fn damage_below_the_snapshot_in_the_segment_that_goes_on_is_told_and_repaired() {
    let disk = FakeDisk::default();
    let options = FileLogOptions { segment_bytes: 8 << 10, ..FileLogOptions::default() };
    let open = |disk: &FakeDisk| FileLog::open_in(Arc::new(disk.clone()), options.clone());
    let opened = open(&disk).unwrap();
    opened.reserve(4 << 10).await.unwrap();
    let store = Store::open(opened, StoreOptions::default()).await.unwrap();
    for number in 0..20 {
        put(&store, &format!("k{}", number % 4), number.to_string()).await.unwrap();
    }
    // Without room for another segment the snapshot ends in the midst of this one.
    disk.faults(|faults| faults.capacity = Some(1));
    store.compact().await.unwrap();
    put(&store, "k0", "behind").await.unwrap();
    disk.faults(|faults| faults.capacity = None);
    let whole = close(&store).await;
    drop(store);
    let bytes = disk.bytes(support::FIRST);
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let mut below = 0;
    for at in HEADER..end {
        let damaged = disk.copy();
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        damaged.set(support::FIRST, flipped);
        let checked = check_in(&directory(&damaged), 0, &mut |_| Ok(())).map_err(|error| error.to_string());
        let started = match open(&damaged.copy()) {
            Err(error) => Err(OpenError::Log(error)),
            Ok(log) => Store::open(log, StoreOptions::default()).await,
        };
        match (started, checked) {
            (Ok(store), Ok(_)) => assert_eq!(close(&store).await, whole, "byte {at}"),
            (Err(error), Err(told)) => {
                assert_eq!(told, error.to_string(), "byte {at}");
                let repaired = repair_in(&directory(&damaged)).unwrap();
                let store = Store::open(open(&damaged).unwrap(), StoreOptions::default()).await.unwrap();
                assert_eq!(store.status().last_revision, repaired.report.tail, "byte {at}");
                assert!(repaired.report.tail >= 20, "byte {at}: the snapshot is kept whole");
                assert_eq!(value(&store, "k3").unwrap(), "19", "byte {at}");
                below += u64::from(repaired.report.tail == 20);
            }
            (started, told) => panic!("byte {at}: a start says {:?}, and check {told:?}", started.err()),
        }
    }
    assert!(below > 500, "{below}");
}

#[tokio::test]
async fn a_log_of_which_nothing_would_be_left_is_not_repaired() {
    let disk = FakeDisk::default();
    let store = open(&disk).await.unwrap();
    put(&store, "k", "v").await.unwrap();
    close(&store).await;
    let mut bytes = disk.bytes(support::FIRST);
    bytes[HEADER] ^= 1;
    disk.set(support::FIRST, bytes.clone());
    let names = disk.names();
    assert!(matches!(repair_in(&directory(&disk)), Err(LogError::Corrupt { .. })));
    assert_eq!((disk.names(), disk.bytes(support::FIRST)), (names, bytes), "nothing is changed");
}

#[tokio::test]
async fn a_repair_that_a_power_cut_ends_is_taken_up_by_the_next_one() {
    let (disk, _) = compacted("store").await;
    let segments = files(&disk, ".log");
    let mut cases: Vec<(&str, FakeDisk)> = Vec::new();
    for (what, at) in [("a header", 20), ("the first batch", HEADER + 40), ("the second batch", HEADER + 100)]
    {
        let damaged = disk.copy();
        let mut bytes = disk.bytes(&segments[1]);
        bytes[at] ^= 1;
        damaged.set(&segments[1], bytes);
        cases.push((what, damaged));
    }
    let damaged = disk.copy();
    damaged.remove_file(&segments[2]);
    cases.push(("the newest segment", damaged));
    for (what, damaged) in cases {
        let expected = {
            let disk = damaged.copy();
            repair_in(&directory(&disk)).unwrap().report.tail
        };
        for at in 1.. {
            let disk = damaged.copy();
            disk.trap(at, Trip::Cut);
            let repaired = repair_in(&directory(&disk));
            for seed in 0..8 {
                let after = disk.power_cut(seed);
                let step = format!("{what}: {:?}, cut {seed}", disk.tripped());
                let again = repair_in(&directory(&after)).unwrap_or_else(|error| panic!("{step}: {error}"));
                assert_eq!(again.report.tail, expected, "{step}");
                assert!(repaired.is_err() || again.damage.is_none(), "{step}: {again:?}");
                assert!(open(&after).await.is_ok(), "{step}");
            }
            if disk.tripped().is_none() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_or_lost_manifest_is_repaired_and_nothing_is_lost() {
    let (disk, whole) = compacted("store").await;
    let (other, _) = compacted("other").await;
    for foreign in [Some(other.bytes(MANIFEST)), None] {
        let damaged = disk.copy();
        match foreign {
            Some(bytes) => damaged.set(MANIFEST, bytes),
            None => damaged.remove_file(MANIFEST),
        }
        let repaired = repair_in(&directory(&damaged)).unwrap();
        assert!(repaired.damage.unwrap().contains("/disk/MANIFEST"));
        assert_eq!(close(&open(&damaged).await.unwrap()).await, whole);
    }
}

#[tokio::test]
async fn what_cannot_be_repaired_is_left_as_it_is_whatever_else_is_damaged() {
    let (disk, _) = compacted("store").await;
    let (other, _) = compacted("other").await;
    let snapshot = &files(&disk, ".snapshot")[0];
    let newest = files(&disk, ".log").pop().unwrap();
    let mut bytes = disk.bytes(&newest);
    bytes[HEADER] ^= 1;
    disk.set(&newest, bytes);
    let mut damaged = disk.bytes(snapshot);
    damaged[HEADER] ^= 1;
    for bytes in [damaged, other.bytes(snapshot)] {
        disk.set(snapshot, bytes);
        let before: Vec<_> = disk.names().iter().map(|name| (name.clone(), disk.bytes(name))).collect();
        let refused = repair_in(&directory(&disk)).unwrap_err().to_string();
        assert!(refused.contains(&**snapshot), "{refused}");
        let after: Vec<_> = disk.names().iter().map(|name| (name.clone(), disk.bytes(name))).collect();
        assert!(before == after, "something was changed");
    }
}
