//! A fixed workload on a disk whose every step fails once: with an error, with a full volume, with a power cut. Whatever
//! the step was, what was acknowledged is there afterwards, and of a transaction all or nothing. `KIVI_SOAK` tries as many
//! more outcomes of each power cut.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use kivi_store::{
    Action, FileLog, FileLogOptions, Operation, Store, StoreError, StoreOptions, Transaction, TransactionLog,
    file_log::{Directory, check_in},
};

use self::support::{
    delete,
    disk::{FakeDisk, Trip},
    put, value,
};

/// A transaction writes one number to all of these.
const TOGETHER: [&str; 3] = ["x", "y", "z"];

fn log(disk: &FakeDisk) -> Result<FileLog, kivi_store::LogError> {
    let options = FileLogOptions { segment_bytes: 2 << 10, ..FileLogOptions::default() };
    FileLog::open_in(Arc::new(disk.clone()), options)
}

async fn open(disk: &FakeDisk) -> Result<Arc<Store>, kivi_store::OpenError> {
    let log = log(disk)?;
    // Whether there is room for it changes nothing.
    let _ = log.reserve(3000).await;
    log.expect_snapshot(2000);
    Store::open(log, StoreOptions::default()).await
}

/// What the workload was told of each key.
#[derive(Default, Clone)]
struct Told {
    /// What the key may be: the last value that was acknowledged, and those whose outcome is unknown.
    keys: BTreeMap<&'static str, Vec<Option<Bytes>>>,
    /// Whether writes were taken at the end.
    writable: bool,
}

impl Told {
    fn note(&mut self, keys: &[&'static str], wanted: Option<&Bytes>, done: &Result<(), StoreError>) {
        for key in keys {
            let allowed = self.keys.entry(key).or_insert_with(|| vec![None]);
            match done {
                Ok(()) => *allowed = vec![wanted.cloned()],
                Err(StoreError::LogFull) => {}
                Err(_) => allowed.push(wanted.cloned()),
            }
        }
    }
}

fn numbered(number: u32, length: usize) -> Bytes {
    let mut value = format!("{number}/").into_bytes();
    value.resize(length, b'v');
    Bytes::from(value)
}

async fn write(store: &Store, told: &mut Told, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let value = numbered(number, 300);
        if number % 5 == 3 {
            let action = Action::Put { value: value.clone(), media_type: None, ttl: None };
            let operations = TOGETHER
                .map(|key| Operation { key: Bytes::from_static(key.as_bytes()), action: action.clone() });
            let operations = operations.to_vec();
            let done = store.transact(Transaction { operations, ..Transaction::default() }).await;
            told.note(&TOGETHER, Some(&value), &done.map(drop));
        } else if number % 7 == 6 {
            match delete(store, "a").await {
                // Nothing was written: an earlier write of unknown outcome may still show.
                Ok(outcome) if outcome.revision.is_none() => {}
                done => told.note(&["a"], None, &done.map(drop)),
            }
        } else {
            let key = ["a", "b", "c"][number as usize % 3];
            let done = put(store, key, value.clone()).await;
            told.note(&[key], Some(&value), &done.map(drop));
        }
    }
}

/// Writes over several segments, compacts, is closed, opened again, compacted again.
async fn workload(disk: &FakeDisk) -> Told {
    let mut told = Told::default();
    for numbers in [0..12, 12..22] {
        let Ok(store) = open(disk).await else { continue };
        let half = numbers.start + 8;
        write(&store, &mut told, numbers.start..half).await;
        // It may fail with the step; the log is as it was then.
        let _ = store.compact().await;
        write(&store, &mut told, half..numbers.end).await;
        // One of the two may be what meets with it.
        let end = || put(&store, "end", "x");
        told.writable = end().await.is_ok() || end().await.is_ok();
        let _ = store.close().await;
    }
    told
}

/// Opens what is left, without faults, and looks at it, twice: the first look is a start, which mends.
async fn look(disk: &FakeDisk, told: &Told, what: &str) {
    let shared: Arc<dyn Directory> = Arc::new(disk.copy());
    if let Err(error) = check_in(&shared, 0, &mut |_| Ok(())) {
        panic!("{what}: {error}");
    }
    for time in ["first", "second"] {
        let store = match open(disk).await {
            Ok(store) => store,
            Err(error) => panic!("{what}, {time} start: {error}"),
        };
        for (key, allowed) in &told.keys {
            let found = value(&store, key);
            assert!(
                allowed.contains(&found),
                "{what}, {time} start, {key}: {:?} is none of {} allowed values",
                found.map(|value| value.slice(..5)),
                allowed.len(),
            );
        }
        let together = TOGETHER.map(|key| store.get(key.as_bytes()));
        assert!(together.iter().all(|one| *one == together[0]), "{what}: half a transaction");
        put(&store, "after", time).await.unwrap();
        store.close().await.unwrap();
    }
}

/// How many times as much is tried.
fn soak() -> u64 {
    std::env::var("KIVI_SOAK").map_or(1, |times| times.parse().unwrap())
}

/// Runs the workload with each of its steps met by this; returns how many steps there were.
async fn each_step(trip: Trip, cuts: u64) -> u64 {
    for at in 1.. {
        let disk = FakeDisk::default();
        disk.trap(at, trip);
        let told = workload(&disk).await;
        let Some(step) = disk.tripped() else {
            if disk.counts().steps < at {
                return at;
            }
            continue;
        };
        let what = format!("{trip:?} at {step}");
        if trip == Trip::Full {
            assert!(told.writable, "{what}: writes did not go on by themselves");
        }
        // As the process finds it that comes next, and as a power cut leaves it.
        let left = disk.copy();
        for seed in 0..cuts {
            look(&disk.power_cut(at * 1000 + seed), &told, &format!("{what}, power cut {seed}")).await;
        }
        look(&left, &told, &what).await;
    }
    0
}

#[tokio::test]
async fn an_error_at_any_step_loses_nothing_acknowledged() {
    let steps = each_step(Trip::Io, soak()).await;
    assert!(steps > 200, "{steps}");
}

#[tokio::test]
async fn a_volume_that_is_full_at_any_step_loses_nothing_and_writes_go_on() {
    let steps = each_step(Trip::Full, soak()).await;
    assert!(steps > 80, "{steps}");
}

#[tokio::test]
async fn a_power_cut_at_any_step_loses_nothing_acknowledged() {
    let steps = each_step(Trip::Cut, 2 * soak()).await;
    assert!(steps > 200, "{steps}");
}

#[tokio::test]
async fn a_power_cut_while_a_write_is_taken_back_from_a_full_volume_loses_nothing() {
    for at in 1.. {
        for later in 1..6 {
            let disk = FakeDisk::default();
            disk.trap(at, Trip::Full);
            disk.cut_after_trap(later);
            let told = workload(&disk).await;
            if disk.counts().steps < at {
                return;
            }
            // Each step by itself is another test's.
            let Some(step) = disk.tripped().filter(|step| step.starts_with("write")) else { break };
            let what = format!("a full volume at {step}");
            look(&disk.copy(), &told, &what).await;
            for seed in 0..4 * soak() {
                look(&disk.power_cut(seed), &told, &format!("{what}, power cut {seed}")).await;
            }
        }
    }
}
