//! Bytes that changed and files that are not there, not whole, or of another store: all are found, or change nothing. In
//! each case `check` says what a start says, and behind a `repair` that says so a start works. `KIVI_SOAK` flips every bit
//! instead of one in each byte.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::sync::Arc;

use kivi_store::{
    FileLog, FileLogOptions, LogError, OpenError, StateHash, Store, StoreError, StoreOptions, TransactionLog,
    file_log::{Directory, check_in, damage_in, repair_in},
};

use self::support::{
    MANIFEST,
    disk::{FakeDisk, Trip},
    files, put, value,
};

/// The length of a header, in bytes.
const HEADER: usize = 64;

fn log(disk: &FakeDisk) -> Result<FileLog, LogError> {
    let options = FileLogOptions { segment_bytes: 430, ..FileLogOptions::default() };
    FileLog::open_in(Arc::new(disk.clone()), options)
}

async fn open(disk: &FakeDisk) -> Result<Arc<Store>, LogError> {
    match Store::open(log(disk)?, StoreOptions::default()).await {
        Ok(store) => Ok(store),
        Err(OpenError::Log(error)) => Err(error),
        Err(OpenError::HashDiffers { .. }) => {
            panic!("the snapshot's own checksums let a damage pass to the store")
        }
    }
}

/// What a store is, in two numbers.
type State = (StateHash, u64);

async fn close(store: &Store) -> State {
    store.close().await.unwrap();
    let status = store.status();
    (status.hash, status.last_revision)
}

/// A snapshot with some segments behind it, closed in order; `name` makes the values differ.
async fn compacted(name: &str) -> (FakeDisk, State) {
    let disk = FakeDisk::default();
    let store = open(&disk).await.unwrap();
    for number in 0..9 {
        put(&store, &format!("k{}", number % 4), format!("{name} {number}")).await.unwrap();
    }
    store.compact().await.unwrap();
    for number in 9..22 {
        put(&store, &format!("k{}", number % 4), format!("{name} {number}")).await.unwrap();
    }
    let state = close(&store).await;
    assert_eq!((files(&disk, ".log").len(), files(&disk, ".snapshot").len()), (3, 1), "{:?}", disk.names());
    (disk, state)
}

fn directory(disk: &FakeDisk) -> Arc<dyn Directory> {
    Arc::new(disk.clone())
}

/// What became of a damaged log.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Same,
    /// With the damages in the words of `check`.
    Refused(Vec<String>),
}

/// Starts on the damaged log: it is refused, or is exactly what it was. Then repairs it.
async fn verdict(disk: &FakeDisk, whole: State, what: &str) -> Verdict {
    let before: Vec<_> = disk.names().iter().map(|name| disk.bytes(name)).collect();
    let checked = check_in(&directory(disk), 0, &mut |_| Ok(())).map_err(|error| error.to_string());
    let damage = damage_in(&directory(disk)).map(|all| all.iter().map(ToString::to_string).collect());
    let after: Vec<_> = disk.names().iter().map(|name| disk.bytes(name)).collect();
    assert!(before == after, "{what}: a check changed something");
    let started = disk.copy();
    let error = match open(&started).await {
        Ok(store) => {
            assert_eq!(close(&store).await, whole, "{what}: something else was served");
            assert!(checked.is_ok(), "{what}: a start took what check refused: {checked:?}");
            return Verdict::Same;
        }
        Err(error) => error.to_string(),
    };
    assert!(error.contains("/disk/"), "{what}: no file is named: {error}");
    assert_eq!(checked.unwrap_err(), error, "{what}: check and start differ");
    if let Ok(repaired) = repair_in(&directory(disk)) {
        assert_eq!(repaired.damage.as_ref(), Some(&error), "{what}");
        match open(disk).await {
            Err(again) => panic!("{what}: a start refuses what was repaired: {error}; then {again}"),
            Ok(store) => {
                put(&store, "after", "repair").await.unwrap();
                close(&store).await;
            }
        }
        assert_eq!(value(&open(disk).await.unwrap(), "after").unwrap(), "repair", "{what}");
    }
    Verdict::Refused(damage.unwrap_or_else(|foreign| vec![foreign.to_string()]))
}

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

#[tokio::test]
async fn a_repair_that_a_power_cut_ends_is_taken_up_by_the_next_one() {
    let (disk, _) = compacted("store").await;
    let segments = files(&disk, ".log");
    let mut damages: Vec<(&str, FakeDisk)> = Vec::new();
    for (what, at) in [("a header", 20), ("the first batch", HEADER + 40), ("the second batch", HEADER + 100)]
    {
        let damaged = disk.copy();
        let mut bytes = disk.bytes(&segments[1]);
        bytes[at] ^= 1;
        damaged.set(&segments[1], bytes);
        damages.push((what, damaged));
    }
    let damaged = disk.copy();
    damaged.remove_file(&segments[2]);
    damages.push(("the newest segment", damaged));
    for (what, damaged) in damages {
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
