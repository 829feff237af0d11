//! Copies of a store: what a snapshot of it is made of again, and what becomes of one that breaks off.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use kivi_store::{FileLog, FileLogOptions, RestoreError, Store, StoreOptions, file_log::restore_in, restore};

use self::support::{
    delete,
    disk::{FakeDisk, Trip},
    files, put, store_on,
};

async fn filled() -> Arc<Store> {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    for key in 0..10 {
        put(&store, &format!("k{key}"), "v".repeat(700)).await.unwrap();
    }
    delete(&store, "k3").await.unwrap();
    store
}

/// All of a store, as the admin port gives it.
fn snapshot(store: &Arc<Store>) -> Vec<u8> {
    let parts: Vec<Bytes> = store.copy().bytes.collect::<Result<_, _>>().unwrap();
    parts.concat()
}

#[tokio::test]
async fn a_copy_of_a_store_has_its_state_and_never_its_future_revisions() {
    let store = filled().await;
    let bytes = snapshot(&store);
    for length in (0..bytes.len()).step_by(97) {
        let directory = tempfile::tempdir().unwrap();
        assert!(
            restore(directory.path(), &bytes[..length], None).is_err(),
            "{length} of {} bytes",
            bytes.len()
        );
        let mut flipped = bytes.clone();
        flipped[length] ^= 1;
        assert!(restore(directory.path(), &flipped[..], None).is_err(), "byte {length}");
        let left = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, 1, "only the lock is left");
    }
    let directory = tempfile::tempdir().unwrap();
    let restored = restore(directory.path(), &bytes[..], None).unwrap();
    assert_eq!((restored.keys, restored.hash), (9, store.status().hash));
    let log = FileLog::open(directory.path(), FileLogOptions::default()).unwrap();
    let copy = Store::open(log, StoreOptions::default()).await.unwrap();
    assert_eq!(copy.status().hash, store.status().hash);
    assert_eq!(copy.get(b"k1"), store.get(b"k1"));
    let next = put(&copy, "next", "v").await.unwrap().revision;
    assert!(next > store.status().last_revision + (1 << 31), "{next}");
    copy.close().await.unwrap();
    drop(copy);
    let again = restore(directory.path(), &bytes[..], None).unwrap_err().to_string();
    assert!(again.contains("there is a log"), "{again}");
}

#[tokio::test]
async fn a_restored_log_that_lost_its_segment_before_its_first_write_is_refused() {
    let disk = FakeDisk::default();
    restore_in(&disk, &snapshot(&filled().await)[..], None).unwrap();
    disk.remove_file(&files(&disk, ".log")[0]);
    let refused = store_on(&disk).await.err().unwrap().to_string();
    assert!(refused.contains("is missing"), "{refused}");
}

#[tokio::test]
async fn a_snapshot_with_a_sequence_that_no_log_has_is_refused() {
    let whole = snapshot(&filled().await);
    for first_sequence in [0, 1 << 62, (1 << 62) - 5, u64::MAX] {
        let mut bytes = whole.clone();
        bytes[32..40].copy_from_slice(&first_sequence.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
        let refused = restore_in(&FakeDisk::default(), &bytes[..], None);
        assert!(matches!(refused, Err(RestoreError::Damaged { .. })), "{first_sequence}: {refused:?}");
    }
}

#[tokio::test]
async fn a_restore_that_fails_at_any_step_leaves_a_directory_to_restore_into() {
    let store = filled().await;
    let bytes = snapshot(&store);
    for at in 1.. {
        let disk = FakeDisk::default();
        disk.trap(at, Trip::Io);
        let restored = restore_in(&disk, &bytes[..], None);
        let Some(step) = disk.tripped() else {
            assert!(at > 15, "{at}");
            return;
        };
        // What can't be looked at, or not be removed, is told.
        assert!(restored.is_err(), "{step}");
        if !step.starts_with("list") {
            restore_in(&disk, &bytes[..], None).unwrap();
            assert_eq!(store_on(&disk).await.unwrap().status().hash, store.status().hash, "{step}");
        }
    }
}

#[tokio::test]
async fn a_restore_that_a_power_cut_ends_is_whole_or_refused_and_never_taken_for_one() {
    let store = filled().await;
    let bytes = snapshot(&store);
    for at in 1.. {
        let disk = FakeDisk::default();
        disk.trap(at, Trip::Cut);
        let restored = restore_in(&disk, &bytes[..], None);
        for seed in 0..32 {
            let after = disk.power_cut(seed);
            let whole = match store_on(&after).await {
                Err(_) => false,
                Ok(opened) if opened.status().keys == 0 => {
                    assert!(
                        files(&disk, ".snapshot").is_empty(),
                        "an empty store began in the place of a log"
                    );
                    false
                }
                Ok(opened) => {
                    assert_eq!(opened.status().hash, store.status().hash, "step {at}, cut {seed}");
                    true
                }
            };
            assert!(whole || restored.is_err(), "step {at}, cut {seed}: it was told to be there");
            if !whole {
                // Whatever is left, it is restored again, and comes to the same.
                let again = disk.power_cut(seed);
                let restored = restore_in(&again, &bytes[..], None);
                let restored = restored.unwrap_or_else(|error| panic!("step {at}, cut {seed}: {error}"));
                assert_eq!(restored.hash, store.status().hash, "step {at}, cut {seed}");
                assert_eq!(store_on(&again).await.unwrap().status().hash, store.status().hash);
            }
        }
        if disk.tripped().is_none() {
            return;
        }
    }
}

#[tokio::test]
async fn the_first_writes_to_a_restored_log_survive_whatever_ends_them() {
    let bytes = snapshot(&filled().await);
    let restored = FakeDisk::default();
    restore_in(&restored, &bytes[..], None).unwrap();
    // A start and an orderly end leave a mark in the segment, which has no room for a write.
    store_on(&restored).await.unwrap().close().await.unwrap();
    for trip in [Trip::Io, Trip::Cut] {
        for at in 1.. {
            let disk = restored.copy();
            disk.trap(at, trip);
            let mut told = Vec::new();
            if let Ok(store) = store_on(&disk).await {
                for key in ["a", "b"] {
                    if put(&store, key, "v").await.is_ok() {
                        told.push(key);
                    }
                }
            }
            for seed in 0..8 {
                let opened = store_on(&disk.power_cut(seed)).await;
                let after =
                    opened.unwrap_or_else(|error| panic!("{:?}, cut {seed}: {error}", disk.tripped()));
                for key in &told {
                    assert!(after.get(key.as_bytes()).is_some(), "{:?}, cut {seed}: {key}", disk.tripped());
                }
            }
            if disk.counts().steps < at {
                break;
            }
        }
    }
}
