//! Measures a start: writes logs as `make bench-server` does, and opens a store on each, several times. Prints a table.
//!
//!   cargo run --release --package kivi-store --example replay [KEYS]

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kivi_store::{
    Effect, FileLog, FileLogOptions, Record, Store, StoreLimits, StoreOptions, Sync, TransactionLog,
};

/// Records of a batch.
const BATCH: u64 = 1000;
/// Opened so often.
const TIMES: usize = 7;

/// What a log holds.
#[derive(Clone, Copy)]
struct Keys {
    /// How often each key is put.
    times: u64,
    /// Whether in an order that looks random.
    shuffled: bool,
}

type Failure = Box<dyn Error + Send + std::marker::Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let keys: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |keys| keys.parse())?;
    println!("| log | median start | processor time | records a second of it |\n|---|---:|---:|---:|");
    let cases = [
        ("each key once, in order", Keys { times: 1, shuffled: false }, false),
        ("each key once, in any order", Keys { times: 1, shuffled: true }, false),
        ("each key three times, in order", Keys { times: 3, shuffled: false }, false),
        ("each key three times, in any order", Keys { times: 3, shuffled: true }, false),
        ("a snapshot", Keys { times: 1, shuffled: true }, true),
    ];
    for (name, Keys { times, shuffled }, compacted) in cases {
        let directory = tempfile::tempdir()?;
        write(directory.path(), keys, Keys { times, shuffled }).await?;
        if compacted {
            let store = open(directory.path()).await?;
            store.compact().await?;
            store.close().await?;
        }
        let (mut took, mut busy) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            let (began, used) = (Instant::now(), processor_time()?);
            let store = open(directory.path()).await?;
            took.push(began.elapsed());
            busy.push(processor_time()?.saturating_sub(used));
            store.close().await?;
        }
        took.sort_unstable();
        busy.sort_unstable();
        let (median, busy) = (took[TIMES / 2], busy[TIMES / 2]);
        let rate = u128::from(keys * times) * 1_000_000 / busy.as_micros().max(1);
        println!("| {name} | {median:.1?} | {busy:.1?} | {rate} |");
    }
    Ok(())
}

/// What this process has used of processors so far.
fn processor_time() -> Result<Duration, Failure> {
    // Behind the name in parentheses; utime and stime, in hundredths of a second (proc_pid_stat(5)).
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(12).take(2).map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 10))
}

async fn open(directory: &Path) -> Result<std::sync::Arc<Store>, Failure> {
    let log = FileLog::open(directory, FileLogOptions::default())?;
    let limits = StoreLimits { memory_bytes: u64::MAX, ..StoreLimits::default() };
    Ok(Store::open(log, StoreOptions { limits, ..StoreOptions::default() }).await?)
}

async fn write(directory: &Path, keys: u64, Keys { times, shuffled }: Keys) -> Result<(), Failure> {
    let log = FileLog::open(directory, FileLogOptions { sync: Sync::Never, ..FileLogOptions::default() })?;
    let mut tail = 0;
    for first in (0..times).flat_map(|_| (0..keys).step_by(1000)) {
        let batch: Vec<Record> = (first..keys.min(first + BATCH))
            .map(|number| record(if shuffled { number * 2_654_435_761 % keys } else { number }))
            .collect();
        tail = log.append(0, tail, &batch).await?;
    }
    Ok(log.close().await?)
}

fn record(number: u64) -> Record {
    let effect =
        Effect::Put { value: Bytes::from(format!("{number:032}")), media_type: None, expires_ms: None };
    Record::of(Bytes::from(format!("key-{number:012}")), 1_767_225_600_000, effect)
}
