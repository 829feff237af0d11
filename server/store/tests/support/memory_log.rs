//! A log in memory that can be compacted, for tests of the store alone. It survives the store: a clone is the same log.

use std::sync::Arc;

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use kivi_store::{
    AppendError, Appended, Chunk, CompactError, Entries, LogEntry, LogError, LogUsage, Record, StateHash,
    TakeSnapshot, TransactionLog,
};
use parking_lot::Mutex;

#[derive(Clone, Default)]
pub struct MemoryLog(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    snapshot: Vec<LogEntry>,
    snapshot_end: Option<(u64, StateHash)>,
    entries: Vec<LogEntry>,
    tail: u64,
    reserved: u64,
}

impl MemoryLog {
    /// What was last asked to be held in reserve, in bytes.
    pub fn reserved(&self) -> u64 {
        self.0.lock().reserved
    }

    /// Damages the snapshot's first value.
    pub fn flip_a_bit_of_the_snapshot(&self) {
        self.0.lock().snapshot[0].record.written_ms ^= 1;
    }
}

impl TransactionLog for MemoryLog {
    fn replay(&self, after: u64) -> Entries {
        let log = self.0.lock();
        let mut chunks = Vec::new();
        if let (0, Some((sequence, hash))) = (after, log.snapshot_end) {
            chunks.extend(log.snapshot.chunks(7).map(|part| Ok(Chunk::Snapshot(part.to_vec()))));
            chunks.push(Ok(Chunk::SnapshotEnd { sequence, hash }));
        }
        let behind: Vec<_> = log.entries.iter().filter(|entry| entry.sequence > after).cloned().collect();
        chunks.extend(behind.chunks(7).map(|part| Ok(Chunk::Entries(part.to_vec()))));
        stream::iter(chunks).boxed()
    }

    fn append(&self, _term: u64, expected_tail: u64, batch: &[Record]) -> Appended {
        let mut log = self.0.lock();
        let answer = if log.tail == expected_tail {
            for record in batch {
                log.tail += 1;
                let sequence = log.tail;
                log.entries.push(LogEntry { sequence, record: record.clone() });
            }
            Ok(log.tail)
        } else {
            Err(AppendError::Conflict { tail: log.tail })
        };
        answer.into()
    }

    fn tail(&self, after: u64) -> Entries {
        self.replay(after)
    }

    fn usage(&self) -> Option<LogUsage> {
        let log = self.0.lock();
        let bytes = |entries: &[LogEntry]| entries.iter().map(bytes).sum::<u64>();
        let compacted = log.snapshot_end.map_or(0, |(sequence, _)| sequence);
        Some(LogUsage { bytes: bytes(&log.snapshot) + bytes(&log.entries), compacted })
    }

    fn compact(&self, take: TakeSnapshot) -> BoxFuture<'static, Result<(), CompactError>> {
        let log = Arc::clone(&self.0);
        async move {
            let mut source = take();
            let mut snapshot = Vec::new();
            loop {
                let part = source.read()?;
                if part.is_empty() {
                    break;
                }
                snapshot.extend(part);
                tokio::task::yield_now().await;
            }
            let mut log = log.lock();
            log.snapshot = snapshot;
            log.snapshot_end = Some((source.sequence(), source.hash()));
            log.entries.retain(|entry| entry.sequence > source.sequence());
            Ok(())
        }
        .boxed()
    }

    fn reserve(&self, bytes: u64) -> BoxFuture<'static, Result<(), LogError>> {
        self.0.lock().reserved = bytes;
        async { Ok(()) }.boxed()
    }

    fn close(&self) -> BoxFuture<'static, Result<(), LogError>> {
        async { Ok(()) }.boxed()
    }
}

fn bytes(entry: &LogEntry) -> u64 {
    let of = |change: &kivi_store::Change| match &change.effect {
        kivi_store::Effect::Put { value, .. } => value.len() + change.key.len(),
        _ => change.key.len(),
    };
    32 + entry.record.changes.iter().map(of).sum::<usize>() as u64
}
