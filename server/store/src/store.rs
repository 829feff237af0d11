//! The store: memory that follows the log.
//!
//! A write is decided at the head of the log, against everything accepted so far, durable or not; it is queued to
//! the log in the same step, so the order of decisions is the order of the log. The applier makes it visible when
//! the log vouches for it, in log order. Reads see only what is applied and wait for nothing.

mod applier;
mod condition;
mod entry;
mod error;
mod flight;
mod head;
mod index;
mod options;
mod shared;

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

pub use self::{
    condition::Condition,
    entry::Entry,
    error::{OpenError, StoreError},
    options::{Clock, ReplayProgress, StoreLimits, StoreOptions},
};
use self::{
    flight::{Message, Operation, Outcome},
    head::Head,
    index::Index,
    shared::Shared,
};
use crate::{Change, Record, TransactionLog};

/// How many bytes of keys and values may be under way to the log; further writes wait for their turn.
const IN_FLIGHT_BYTES: usize = 64 << 20;
/// What one permit of that bound stands for, in bytes.
const PERMIT_BYTES: usize = 1 << 10;

/// A key-value store over one log.
pub struct Store {
    shared: Arc<Shared>,
    /// Sent to under the head's lock only, so that flights are queued in the order of their decisions.
    flights: mpsc::UnboundedSender<Message>,
    permits: Arc<Semaphore>,
    clock: Clock,
    closed: watch::Receiver<Option<Result<(), StoreError>>>,
}

/// A value to write.
#[derive(Debug, Clone)]
pub struct Put {
    /// The key: any bytes, at least one.
    pub key: Bytes,
    /// The value: any bytes, also none.
    pub value: Bytes,
    /// Kept and given back with the value. At most 65,535 bytes.
    pub media_type: Option<Arc<str>>,
    /// What must hold for the write to happen.
    pub condition: Condition,
}

/// A key to remove.
#[derive(Debug, Clone)]
pub struct Delete {
    /// The key: any bytes, at least one.
    pub key: Bytes,
    /// What must hold for the removal to happen.
    pub condition: Condition,
}

/// A put that the log vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutOutcome {
    /// The key's revision now.
    pub revision: u64,
    /// Whether the key was absent before.
    pub created: bool,
}

/// A delete that the log vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeleteOutcome {
    /// The revision of the removal; `None` when the key was absent and nothing was written.
    pub revision: Option<u64>,
}

/// What a store holds and whether it takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// How many keys are present.
    pub keys: u64,
    /// What they take in memory, in bytes: keys, values and an estimate of what holds them.
    pub memory_bytes: u64,
    /// The sequence of the last entry applied.
    pub last_revision: u64,
    /// Why the last write was not taken by the log. A full log is tried again by each write, so a caller
    /// must go on to offer them; a failed one ([`StoreError::LogFailed`]) takes none until it is opened again.
    pub writable: Result<(), StoreError>,
}

impl Store {
    /// Replays the log into memory; must be called on a Tokio runtime, which then carries the applier.
    pub async fn open<L: TransactionLog>(log: L, options: StoreOptions) -> Result<Arc<Self>, OpenError> {
        let index = Index::new();
        let mut tail = 0;
        let mut entries = log.replay(0);
        while let Some(chunk) = entries.try_next().await? {
            for entry in &chunk {
                index.replay(entry)?;
                tail = entry.sequence;
            }
            options.progress.advance(chunk.len());
        }
        drop(entries);
        let (flights, received) = mpsc::unbounded_channel();
        let (closing, closed) = watch::channel(None);
        let shared = Arc::new(Shared {
            head: Mutex::new(Head::new(tail, index.memory_bytes(), options.limits.memory_bytes)),
            index,
            log: Box::new(log),
        });
        tokio::spawn(applier::run(Arc::clone(&shared), received, closing));
        Ok(Arc::new(Self {
            shared,
            flights,
            permits: Arc::new(Semaphore::new(IN_FLIGHT_BYTES / PERMIT_BYTES)),
            clock: options.clock,
            closed,
        }))
    }

    /// The key's present value. Waits for nothing but a write to the same shard of memory.
    pub fn get(&self, key: &[u8]) -> Option<Entry> {
        self.shared.index.get(key)
    }

    /// Writes a value; returns when the log vouches for it and reads see it. Dropping the future takes nothing back.
    pub async fn put(&self, put: Put) -> Result<PutOutcome, StoreError> {
        let Put { key, value, media_type, condition } = put;
        let change = Change::Put { value, media_type, expires_ms: None };
        let outcome = self.submit(key, change, condition).await?;
        Ok(PutOutcome { revision: outcome.revision, created: !outcome.existed })
    }

    /// Removes a key; returns when the log vouches for it and reads see it. Dropping the future takes nothing back.
    pub async fn delete(&self, delete: Delete) -> Result<DeleteOutcome, StoreError> {
        let outcome = self.submit(delete.key, Change::Delete, delete.condition).await?;
        Ok(DeleteOutcome { revision: outcome.existed.then_some(outcome.revision) })
    }

    /// What it holds and whether it takes writes.
    pub fn status(&self) -> StoreStatus {
        let index = &self.shared.index;
        StoreStatus {
            keys: index.keys(),
            memory_bytes: index.memory_bytes(),
            last_revision: index.last_revision(),
            writable: self.shared.writable(),
        }
    }

    /// Refuses further writes, makes durable what was accepted, closes the log. Reads go on. Closing again waits
    /// for the same end.
    pub async fn close(&self) -> Result<(), StoreError> {
        if self.shared.head.lock().close() {
            // It fails only when the applier is gone, and then the wait below says so.
            let _ = self.flights.send(Message::Close);
        }
        let mut closed = self.closed.clone();
        let ended = closed.wait_for(Option::is_some).await.map_err(|_| StoreError::Closed)?;
        ended.clone().unwrap_or(Err(StoreError::Closed))
    }

    async fn submit(&self, key: Bytes, change: Change, condition: Condition) -> Result<Outcome, StoreError> {
        let operation = Operation { record: Record { key, written_ms: (self.clock)(), change }, condition };
        operation.check()?;
        let cost = operation.bytes().div_ceil(PERMIT_BYTES).clamp(1, IN_FLIGHT_BYTES / PERMIT_BYTES);
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let permit =
            Arc::clone(&self.permits).acquire_many_owned(cost).await.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        {
            let mut head = self.shared.head.lock();
            head.open()?;
            if let Some(flight) = self.shared.decide(&mut head, operation, reply, permit) {
                self.flights.send(Message::Flight(flight)).map_err(|_| StoreError::Closed)?;
            }
        }
        answer.await.map_err(|_| StoreError::Closed)?
    }
}
