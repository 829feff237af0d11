//! What the store's tests share: a disk that fails on demand, and short names for common steps.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a helper of tests may fail as a test does")]
#![allow(unreachable_pub, reason = "a module of several test binaries")]

pub mod damaged;
pub mod disk;
pub mod memory_log;

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use kivi_store::{
    Chunk, Condition, Delete, DeleteOutcome, Effect, FileLog, FileLogOptions, LogEntry, LogError, OpenError,
    Put, PutOutcome, Store, StoreError, StoreLimits, StoreOptions, Sync, TransactionLog,
};

use self::disk::FakeDisk;

/// Small segments, so that tests meet their ends.
pub const SEGMENT: u64 = 64 << 10;
/// The name of a log's first segment.
pub const FIRST: &str = "00000000000000000001.log";

/// The name of the file that names the newest segment.
pub const MANIFEST: &str = "MANIFEST";

/// The names of the files with this ending.
pub fn files(disk: &FakeDisk, suffix: &str) -> Vec<String> {
    disk.names().into_iter().filter(|name| name.ends_with(suffix)).collect()
}

pub fn options(sync: Sync) -> FileLogOptions {
    FileLogOptions { segment_bytes: SEGMENT, sync, ..FileLogOptions::default() }
}

pub fn log_on(disk: &FakeDisk) -> Result<FileLog, LogError> {
    FileLog::open_in(Arc::new(disk.clone()), options(Sync::Always))
}

pub async fn store_on(disk: &FakeDisk) -> Result<Arc<Store>, OpenError> {
    Store::open(log_on(disk)?, StoreOptions::default()).await
}

/// Options with a memory limit, in bytes.
pub fn limited(memory_bytes: u64) -> StoreOptions {
    StoreOptions { limits: StoreLimits { memory_bytes, ..StoreLimits::default() }, ..StoreOptions::default() }
}

pub fn put_of(key: &str, value: impl Into<Bytes>, condition: Condition) -> Put {
    Put {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: value.into(),
        media_type: None,
        ttl: None,
        condition,
        request: None,
    }
}

pub async fn put(store: &Store, key: &str, value: impl Into<Bytes>) -> Result<PutOutcome, StoreError> {
    store.put(put_of(key, value, Condition::None)).await
}

pub async fn delete(store: &Store, key: &str) -> Result<DeleteOutcome, StoreError> {
    let key = Bytes::copy_from_slice(key.as_bytes());
    store.delete(Delete { key, condition: Condition::None }).await
}

pub fn value(store: &Store, key: &str) -> Option<Bytes> {
    store.get(key.as_bytes()).map(|entry| entry.value)
}

/// Everything in the log behind `after`.
pub async fn replay(log: &impl TransactionLog, after: u64) -> Result<Vec<LogEntry>, LogError> {
    let chunks: Vec<Chunk> = log.replay(after).try_collect().await?;
    let entries = |chunk| match chunk {
        Chunk::Entries(entries) => entries,
        Chunk::Snapshot(_) | Chunk::SnapshotEnd { .. } => Vec::new(),
    };
    Ok(chunks.into_iter().flat_map(entries).collect())
}

/// A record that sets `key` to `value`.
pub fn record(key: &str, value: &[u8]) -> kivi_store::Record {
    let effect = Effect::Put { value: Bytes::copy_from_slice(value), media_type: None, expires_ms: None };
    kivi_store::Record::of(Bytes::copy_from_slice(key.as_bytes()), 1_700_000_000_000, effect)
}

/// Waits for a condition that other tasks bring about.
pub async fn eventually(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}
