//! Logs of many keys, written straight by the store's own crate: what is measured is the reading.

use std::path::Path;

use bytes::Bytes;
use kivi_store::{Effect, FileLog, FileLogOptions, Record, Sync, TransactionLog};

use crate::{client::key, error::BenchError, interrupt};

/// Bytes of a value where nothing else is said.
pub(crate) const VALUE: usize = 32;
/// Records of a batch.
const BATCH: usize = 1000;
/// When they were written, in milliseconds since the Unix epoch; any time does.
const WRITTEN_MS: u64 = 1_767_225_600_000;

/// Writes a log in which each of `keys` keys is put `times` times, with `value` bytes each.
pub(crate) fn write(directory: &Path, keys: usize, value: usize, times: usize) -> Result<(), BenchError> {
    let failed = |message: String| BenchError::Dataset { keys, message };
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().map_err(|error| failed(error.to_string()))?;
    let options = FileLogOptions { sync: Sync::Never, ..FileLogOptions::default() };
    let log = FileLog::open(directory, options).map_err(|error| failed(error.to_string()))?;
    let mut tail = 0;
    for first in (0..times).flat_map(|_| (0..keys).step_by(BATCH)) {
        interrupt::check()?;
        let batch: Vec<Record> =
            (first..keys.min(first + BATCH)).map(|number| record(number, value)).collect();
        tail = runtime
            .block_on(log.append(0, tail, &batch).outcome())
            .map_err(|error| failed(error.to_string()))?;
    }
    runtime.block_on(log.close()).map_err(|error| failed(error.to_string()))
}

fn record(number: usize, length: usize) -> Record {
    let value = Bytes::from(format!("{number:0>length$}"));
    let effect = Effect::Put { value, media_type: None, expires_ms: None };
    Record::of(Bytes::from(key(number)), WRITTEN_MS, effect)
}
