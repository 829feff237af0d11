//! Kills a process with a store at named steps of its log, again and again on the same files, and looks at what is left:
//! every acknowledged write is there, and of what was never acknowledged, all of a transaction or nothing.
//!
//! The process is this test binary itself, started once more with [`child`] as its only test. `KIVI_SOAK` multiplies the
//! cycles.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper of tests may fail as a test does"
)]

mod support;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use kivi_store::{
    Action, FileLog, FileLogOptions, KeyRange, Operation, Scan, Step, Store, StoreOptions, Sync, Transaction,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rustix::process::{Signal, getpid, kill_process};

/// Where the child finds its directory, the step to die at, and how often it passes that step before.
const DIRECTORY: &str = "KIVI_CRASH_DIRECTORY";
const STEP: &str = "KIVI_CRASH_STEP";
const PASSES: &str = "KIVI_CRASH_PASSES";

/// As many tasks write at once, each to keys of its own, so that groups form.
const WRITERS: u64 = 4;
/// Each transaction of a writer writes the same number to all of these keys.
const KEYS: [&str; 3] = ["x", "y", "z"];

const STEPS: [Step; 12] = [
    Step::BeforeWrite,
    Step::AfterWrite,
    Step::BeforeSync,
    Step::AfterSync,
    Step::BeforeAcknowledge,
    Step::BeforeRoll,
    Step::AfterRoll,
    Step::BeforeSnapshotRename,
    Step::AfterSnapshotRename,
    Step::BeforeUnlink,
    Step::AfterUnlink,
    Step::Replay,
];

fn key(writer: u64, key: &str) -> Bytes {
    Bytes::from(format!("{writer}/{key}"))
}

/// Small segments and a policy that compacts all the time, so that every step comes often.
fn options(on_step: impl Fn(Step) + Send + std::marker::Sync + 'static) -> FileLogOptions {
    FileLogOptions {
        segment_bytes: 64 << 10,
        sync: Sync::Always,
        on_step: Some(Arc::new(on_step)),
        ..FileLogOptions::default()
    }
}

async fn open(directory: &Path, on_step: impl Fn(Step) + Send + std::marker::Sync + 'static) -> Arc<Store> {
    let log = FileLog::open(directory, options(on_step)).unwrap();
    Store::open(log, StoreOptions::default()).await.unwrap()
}

/// Writes and compacts until it is killed. Prints `writer number` when a write is acknowledged.
#[test]
#[ignore = "the process that the other test kills"]
fn child() {
    let directory = std::env::var_os(DIRECTORY).unwrap();
    let step = std::env::var(STEP).unwrap();
    let passes: u64 = std::env::var(PASSES).unwrap().parse().unwrap();
    let seen = AtomicU64::new(0);
    let on_step = move |at: Step| {
        if format!("{at:?}") == step && seen.fetch_add(1, Ordering::Relaxed) == passes {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(Path::new(&directory), on_step).await;
        for writer in 0..WRITERS {
            tokio::spawn(write(Arc::clone(&store), writer));
        }
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            store.compact().await.unwrap();
        }
    });
}

async fn write(store: Arc<Store>, writer: u64) {
    let last = store.get(&key(writer, KEYS[0])).map_or(0, |entry| number(&entry.value));
    for next in last + 1.. {
        // Long enough that segments fill.
        let value = Bytes::from(format!("{next} {}", "v".repeat(400)));
        let put = |name: &&str| Operation {
            key: key(writer, name),
            action: Action::Put { value: value.clone(), media_type: None, ttl: None },
        };
        let operations = KEYS.iter().map(put).collect();
        store.transact(Transaction { operations, ..Transaction::default() }).await.unwrap();
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "acknowledged {writer} {next}").unwrap();
        stdout.flush().unwrap();
    }
}

fn number(value: &[u8]) -> u64 {
    str::from_utf8(value).unwrap().split(' ').next().unwrap().parse().unwrap()
}

/// Runs the child until it dies at the step; returns the last number that each writer was told of.
fn crash(directory: &Path, step: Step, passes: u64) -> BTreeMap<u64, u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(STEP, format!("{step:?}"))
        .env(PASSES, passes.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = BTreeMap::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if let Some((writer, next)) = line.strip_prefix("acknowledged ").and_then(|line| line.split_once(' '))
        {
            acknowledged.insert(writer.parse().unwrap(), next.parse().unwrap());
        }
    }
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "it died by itself at {step:?}: {status}");
    acknowledged
}

fn check(directory: &Path, acknowledged: &BTreeMap<u64, u64>, what: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(directory, |_| {}).await;
        for writer in 0..WRITERS {
            let values = KEYS.map(|name| {
                store.get(&key(writer, name)).map(|entry| (number(&entry.value), entry.revision))
            });
            assert!(values.iter().all(|value| *value == values[0]), "{what}: half a transaction: {values:?}");
            let (found, told) =
                (values[0].map_or(0, |(found, _)| found), acknowledged.get(&writer).copied().unwrap_or(0));
            assert!(
                found == told || found == told + 1,
                "{what}: writer {writer} was told of {told}, and {found} is there"
            );
        }
        let mut scanner =
            store.scan(Scan { range: KeyRange::all(), reverse: false, revision: None }).unwrap();
        assert!(
            scanner.read(1000, usize::MAX).unwrap().len() <= KEYS.len() * usize::try_from(WRITERS).unwrap()
        );
        store.close().await.unwrap();
    });
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_process_is_killed() {
    let soak: u64 = std::env::var("KIVI_SOAK").map_or(1, |times| times.parse().unwrap());
    let seed: u64 = rand::rng().random();
    let mut random = StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut told = 0;
    for cycle in 0..STEPS.len() as u64 * soak {
        let step = STEPS[usize::try_from(cycle).unwrap() % STEPS.len()];
        // Rare steps come soon, frequent ones at any time.
        let passes = match step {
            Step::Replay => 0,
            Step::BeforeRoll
            | Step::AfterRoll
            | Step::BeforeSnapshotRename
            | Step::AfterSnapshotRename
            | Step::BeforeUnlink
            | Step::AfterUnlink => random.random_range(0..4),
            _ => random.random_range(0..200),
        };
        let what = format!("seed {seed}, cycle {cycle}, {step:?} after {passes}");
        let now = crash(directory.path(), step, passes);
        told += now.len();
        for (writer, next) in now {
            acknowledged.insert(writer, next);
        }
        // What was written without being told of is what the next cycle goes on from.
        check(directory.path(), &acknowledged, &what);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = open(directory.path(), |_| {}).await;
            for writer in 0..WRITERS {
                let found = store.get(&key(writer, KEYS[0])).map_or(0, |entry| number(&entry.value));
                acknowledged.insert(writer, found);
            }
            store.close().await.unwrap();
        });
    }
    assert!(told > 0, "no cycle acknowledged anything");
}
