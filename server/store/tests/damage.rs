//! Bytes that changed and files that are not there, not whole, or of another store: all are found, or change nothing. In
//! each case `check` says what a start says, and behind a `repair` that says so a start works. `KIVI_SOAK` flips every bit
//! instead of one in each byte.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use kivi_store::{LogError, StoreError};

use self::support::{
    MANIFEST,
    damaged::{HEADER, Verdict, close, compacted, log, open, verdict},
    disk::FakeDisk,
    files, put, value,
};

#[tokio::test]
async fn no_flipped_bit_of_any_file_is_served() {
    let bits: usize = if std::env::var("KIVI_SOAK").is_ok() { 8 } else { 1 };
    let (disk, whole) = compacted("store").await;
    for name in disk.names() {
        let bytes = disk.bytes(&name);
        let mut refused = 0;
        for (at, bit) in (0..bytes.len()).flat_map(|at| (0..bits).map(move |bit| (at, (at + bit) % 8))) {
            let damaged = disk.copy();
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            damaged.set(&name, flipped);
            let verdict = verdict(&damaged, whole, &format!("{name}, byte {at}, bit {bit}")).await;
            refused += usize::from(verdict != Verdict::Same);
        }
        // In the newest segment, the mark at the end and the zeros behind it tell nothing that is served.
        assert!(refused >= HEADER * bits, "{name}: {refused} of {} refused", bytes.len() * bits);
    }
}

#[tokio::test]
async fn no_file_that_was_cut_is_served() {
    let (disk, whole) = compacted("store").await;
    for name in disk.names() {
        let bytes = disk.bytes(&name);
        for length in 0..bytes.len() {
            let damaged = disk.copy();
            damaged.set(&name, bytes[..length].to_vec());
            let what = format!("{name} cut to {length} of {} bytes", bytes.len());
            // The last bytes of a segment that was left are a mark, which proves nothing then.
            if let Verdict::Same = verdict(&damaged, whole, &what).await {
                assert!(length >= bytes.len() - 28 && name != MANIFEST, "{what}: it was taken");
            }
        }
    }
}

#[tokio::test]
async fn no_lost_file_goes_unnoticed_in_any_combination() {
    let (disk, whole) = compacted("store").await;
    let names = disk.names();
    for lost in 1..(1_u32 << names.len()) - 1 {
        let damaged = disk.copy();
        let missing: Vec<_> =
            (0..names.len()).filter(|at| lost & (1 << at) != 0).map(|at| &names[at]).collect();
        for name in &missing {
            damaged.remove_file(name);
        }
        let what = format!("without {missing:?}");
        assert_ne!(verdict(&damaged, whole, &what).await, Verdict::Same, "{what}");
    }
}

#[tokio::test]
async fn the_only_segment_or_the_last_ones_are_named_when_they_are_lost() {
    let disk = FakeDisk::default();
    let store = open(&disk).await.unwrap();
    put(&store, "k", "v").await.unwrap();
    let whole = close(&store).await;
    let only = disk.copy();
    only.remove_file(support::FIRST);
    let refused = verdict(&only, whole, "without the only segment").await;
    let Verdict::Refused(damage) = refused else { panic!("a store with nothing in it was served") };
    assert_eq!(
        damage[0],
        format!(
            "/disk/{} is missing: MANIFEST names it as the newest segment of the log; put it back or restore the \
             volume from a backup",
            support::FIRST
        )
    );
    let (disk, whole) = compacted("store").await;
    let names = files(&disk, ".log");
    for left in 0..names.len() {
        let damaged = disk.copy();
        for name in &names[left..] {
            damaged.remove_file(name);
        }
        let Verdict::Refused(damage) = verdict(&damaged, whole, "without the last ones").await else {
            panic!("{:?} were not missed", &names[left..])
        };
        assert!(damage[0].contains(names.last().unwrap()), "{damage:?}");
    }
}

#[tokio::test]
async fn files_that_changed_places_or_come_from_another_store_are_refused() {
    let (disk, whole) = compacted("store").await;
    let (other, _) = compacted("other").await;
    let names = disk.names();
    assert_eq!(names, other.names());
    for (at, one) in names.iter().enumerate() {
        for another in &names[at + 1..] {
            let damaged = disk.copy();
            damaged.set(one, disk.bytes(another));
            damaged.set(another, disk.bytes(one));
            let what = format!("{one} and {another} changed places");
            assert_ne!(verdict(&damaged, whole, &what).await, Verdict::Same, "{what}");
        }
    }
    for foreign in 1..(1_u32 << names.len()) - 1 {
        let damaged = disk.copy();
        let from: Vec<_> =
            (0..names.len()).filter(|at| foreign & (1 << at) != 0).map(|at| &names[at]).collect();
        for name in &from {
            damaged.set(name, other.bytes(name));
        }
        let what = format!("with {from:?} of another store");
        assert_ne!(verdict(&damaged, whole, &what).await, Verdict::Same, "{what}");
    }
}

#[tokio::test]
async fn a_foreign_snapshot_takes_the_place_of_nothing() {
    let disk = FakeDisk::default();
    let store = open(&disk).await.unwrap();
    for number in 0..20 {
        put(&store, &format!("k{number}"), "ours").await.unwrap();
    }
    let whole = close(&store).await;
    let (other, _) = compacted("other").await;
    let name = &files(&other, ".snapshot")[0];
    disk.set(name, other.bytes(name));
    let segments = files(&disk, ".log");
    let error = open(&disk).await.err().unwrap();
    assert!(matches!(&error, LogError::Corrupt { file, .. } if file.ends_with(name)), "{error}");
    assert_eq!(files(&disk, ".log"), segments, "nothing was removed");
    disk.remove_file(name);
    assert_eq!(close(&open(&disk).await.unwrap()).await, whole);
}

#[tokio::test]
async fn a_damaged_snapshot_takes_the_place_of_nothing() {
    let disk = FakeDisk::default();
    let store = open(&disk).await.unwrap();
    for number in 0..20 {
        put(&store, &format!("k{number}"), "ours").await.unwrap();
    }
    let whole = close(&store).await;
    let before = disk.copy();
    let store = open(&disk).await.unwrap();
    store.compact().await.unwrap();
    close(&store).await;
    // As a kill leaves it behind the snapshot's name: everything is there still. Then the snapshot rots.
    let name = &files(&disk, ".snapshot")[0];
    let mut bytes = disk.bytes(name);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    before.set(name, bytes);
    let segments = files(&before, ".log");
    let error = open(&before).await.err().unwrap();
    assert!(matches!(&error, LogError::Corrupt { file, .. } if file.ends_with(name)), "{error}");
    assert_eq!(files(&before, ".log"), segments, "nothing was removed");
    before.remove_file(name);
    assert_eq!(close(&open(&before).await.unwrap()).await, whole);
}

#[tokio::test]
async fn a_newest_segment_of_a_copy_that_went_its_own_way_is_refused() {
    let (disk, whole) = compacted("store").await;
    let forked = disk.copy();
    for (disk, number) in [(&disk, 30), (&forked, 40)] {
        let store = open(disk).await.unwrap();
        for number in number..number + 4 {
            put(&store, "k1", format!("store {number}")).await.unwrap();
        }
        close(&store).await;
    }
    let newest = files(&disk, ".log").pop().unwrap();
    assert_eq!(files(&forked, ".log").pop().unwrap(), newest);
    disk.set(&newest, forked.bytes(&newest));
    let Verdict::Refused(damage) = verdict(&disk, whole, "forked").await else { panic!("it was served") };
    assert!(damage[0].contains("MANIFEST tells of"), "{damage:?}");
}

/// Makes of each segment what it was before there were manifests.
fn without_manifest(disk: &FakeDisk) {
    disk.remove_file(MANIFEST);
    for name in files(disk, ".log") {
        let mut bytes = disk.bytes(&name);
        bytes[40..48].fill(0);
        let checksum = crc32c::crc32c(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&checksum.to_le_bytes());
        disk.set(&name, bytes);
    }
}

#[tokio::test]
async fn a_log_from_before_there_were_manifests_gets_one() {
    let (disk, whole) = compacted("store").await;
    without_manifest(&disk);
    assert_eq!(verdict(&disk, whole, "without a manifest").await, Verdict::Same);
    assert_eq!(close(&open(&disk).await.unwrap()).await, whole);
    disk.remove_file(&files(&disk, ".log").pop().unwrap());
    assert_ne!(verdict(&disk, whole, "without the newest segment").await, Verdict::Same);
    // Behind a snapshot even such a log has a segment.
    let (disk, whole) = compacted("store").await;
    without_manifest(&disk);
    for name in files(&disk, ".log") {
        disk.remove_file(&name);
    }
    assert_ne!(verdict(&disk, whole, "without a segment").await, Verdict::Same);
}

#[tokio::test]
async fn an_error_while_it_compacts_or_replays_is_told_with_its_file_and_passes() {
    let (disk, whole) = compacted("store").await;
    let store = open(&disk).await.unwrap();
    disk.faults(|faults| faults.directory_sync_fails = true);
    let failed = store.compact().await.unwrap_err().to_string();
    assert!(failed.contains("/disk"), "{failed}");
    assert!(value(&store, "k1").is_some(), "reads go on");
    disk.faults(|faults| faults.directory_sync_fails = false);
    drop(store);
    assert_eq!(close(&open(&disk.copy()).await.unwrap()).await, whole);

    let log = log(&disk.copy()).unwrap();
    disk.faults(|faults| faults.read_fails = true);
    let refused = open(&disk).await.err().unwrap().to_string();
    assert!(refused.contains("can't read /disk/"), "{refused}");
    drop(log);
    disk.faults(|faults| faults.read_fails = false);
    assert_eq!(close(&open(&disk).await.unwrap()).await, whole);
}

#[tokio::test]
async fn a_manifest_that_a_crash_left_behind_is_written_before_anything_else_also_on_a_full_volume() {
    let disk = FakeDisk::default();
    let store = open(&disk).await.unwrap();
    put(&store, "k", "v").await.unwrap();
    let before = disk.bytes(MANIFEST);
    for number in 0..9 {
        put(&store, "k", number.to_string()).await.unwrap();
    }
    let whole = close(&store).await;
    drop(store);
    let names = files(&disk, ".log");
    assert!(names.len() > 1, "{names:?}");
    disk.set(MANIFEST, before.clone());
    disk.faults(|faults| faults.capacity = Some(1));
    let store = open(&disk).await.unwrap();
    assert_eq!(value(&store, "k").unwrap(), "8", "it can be read");
    assert_eq!(put(&store, "k", "9").await, Err(StoreError::LogFull));
    assert_eq!(disk.bytes(MANIFEST), before);
    disk.faults(|faults| faults.capacity = None);
    put(&store, "k", "9").await.unwrap();
    assert!(disk.bytes(MANIFEST) != before, "the write came first");
    close(&store).await;
    disk.remove_file(names.last().unwrap());
    assert_ne!(verdict(&disk, whole, "without the newest segment").await, Verdict::Same);
}
