//! Opening a store: the log is replayed into memory, then the tasks begin.

use std::sync::Arc;

use futures::TryStreamExt;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use super::{
    IN_FLIGHT_BYTES, OpenError, PERMIT_BYTES, Store, StoreOptions, applier, compactor, expirer,
    head::Head,
    index::{Filling, Index},
    options::{ReplayProgress, behind_log},
    shared::{Compactions, Shared},
};
use crate::{Chunk, LogEntry, TransactionLog};

impl Store {
    /// Replays the log into memory; must be called on a Tokio runtime, which then carries the store's tasks.
    pub async fn open<L: TransactionLog>(log: L, options: StoreOptions) -> Result<Arc<Self>, OpenError> {
        let (index, last_ms) = replay(&log, options.limits.memory_bytes, &options.progress).await?;
        let (flights, received) = mpsc::unbounded_channel();
        let (closing, closed) = watch::channel(None);
        let shared = Arc::new(Shared {
            head: Mutex::new(Head::new(index.last_revision(), options.limits)),
            applied: watch::Sender::new(index.last_revision()),
            index,
            log: Box::new(log),
            clock: behind_log(options.clock, last_ms),
            request_window: options.request_window,
            nearer_deadline: Arc::new(Notify::new()),
            full: Arc::new(Notify::new()),
            compactions: Compactions::default(),
        });
        tokio::spawn(applier::run(Arc::clone(&shared), received, closing));
        let permits = Arc::new(Semaphore::new(IN_FLIGHT_BYTES / PERMIT_BYTES));
        let store = Arc::new(Self { shared, flights, permits, closed });
        tokio::spawn(expirer::run(Arc::downgrade(&store), Arc::clone(&store.shared.nearer_deadline)));
        if let Some(at_garbage) = options.compact_at_garbage {
            let bell = Arc::clone(&store.shared.full);
            tokio::spawn(compactor::run(Arc::downgrade(&store), at_garbage, bell));
        }
        Ok(store)
    }
}

/// Fills an index; returns as well when the last write of the log was accepted, in milliseconds since the Unix epoch.
async fn replay(
    log: &impl TransactionLog,
    memory_limit: u64,
    progress: &ReplayProgress,
) -> Result<(Index, u64), OpenError> {
    let mut last_ms = 0;
    let mut see = |entries: &[LogEntry]| {
        progress.advance(entries.len());
        last_ms = entries.iter().map(|entry| entry.record.written_ms).fold(last_ms, u64::max);
    };
    let last = log.last().unwrap_or(0);
    progress.expect(last);
    let mut filling = Filling::new(memory_limit, last, log.usage());
    let mut chunks = log.replay(0);
    while let Some(chunk) = chunks.try_next().await? {
        match chunk {
            Chunk::Snapshot(entries) => {
                filling.load(&entries);
                see(&entries);
            }
            Chunk::SnapshotEnd { sequence, hash: expected } => {
                let found = filling.loaded(sequence);
                if found != expected {
                    return Err(OpenError::HashDiffers { sequence, expected, found });
                }
            }
            Chunk::Entries(entries) => {
                filling.replay(&entries);
                see(&entries);
                progress.reach(entries.last().map_or(0, |entry| entry.sequence));
            }
        }
    }
    Ok((filling.end(), last_ms))
}
