//! The store: memory that follows the log.
//!
//! A write is decided at the head of the log, against everything accepted so far, durable or not; it is queued to
//! the log in the same step, so the order of decisions is the order of the log. The applier makes it visible when
//! the log vouches for it, in log order. Reads see only what is applied and wait for nothing.

mod applier;
mod check;
mod compactor;
mod condition;
mod copies;
mod deadlines;
mod entry;
mod error;
mod expirer;
mod flight;
mod head;
mod history;
mod index;
mod open;
mod options;
mod ordered;
mod range;
mod request;
mod requests;
mod scan;
mod shards;
mod shared;
mod snapshot;
mod view;
mod watch;

use std::{
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use tokio::sync::{Semaphore, mpsc, oneshot, watch as latest};

pub use self::{
    condition::Condition,
    copies::SnapshotCopy,
    entry::{Entry, Seen},
    error::{FailedCondition, OpenError, PastError, StoreError},
    options::{Clock, ReplayProgress, StoreLimits, StoreOptions},
    range::KeyRange,
    request::{Action, Delete, DeleteOutcome, Operation, Put, PutOutcome, Transaction, TransactionOutcome},
    requests::RequestId,
    scan::{Scan, Scanner},
    watch::{Event, EventKind, Lagged, Watch},
};
use self::{
    flight::Message,
    request::{Outcome, Request},
    shared::Shared,
};
use crate::{LogUsage, StateHash};

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
    closed: latest::Receiver<Option<Result<(), StoreError>>>,
}

/// What a store holds and whether it takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// How many keys are present.
    pub keys: u64,
    /// What they take in memory, in bytes: keys, values, remembered requests, and an estimate of what holds them.
    pub memory_bytes: u64,
    /// The sequence of the last entry applied.
    pub last_revision: u64,
    /// The hash of the state at that sequence.
    pub hash: StateHash,
    /// What the log takes on its volume, where it is one that grows.
    pub log: Option<LogUsage>,
    /// How often the log was compacted since the store was opened.
    pub compactions: u64,
    /// How often that failed.
    pub failed_compactions: u64,
    /// Why the last write was not taken by the log. A full log is tried again by each write, so a caller
    /// must go on to offer them; a failed one ([`StoreError::LogFailed`]) takes none until it is opened again.
    pub writable: Result<(), StoreError>,
}

impl Store {
    /// The key's present value. Waits for nothing but a write to the same shard of memory.
    pub fn get(&self, key: &[u8]) -> Option<Entry> {
        self.find(key, entry::Packed::entry)
    }

    /// Looks at the key's present value in place. Writes to its shard of memory wait meanwhile, so `read` should only
    /// copy what it needs.
    pub fn look<T>(&self, key: &[u8], read: impl FnOnce(Seen<'_>) -> T) -> Option<T> {
        self.find(key, |entry| read(entry.seen()))
    }

    fn find<T>(&self, key: &[u8], read: impl FnOnce(&entry::Packed) -> T) -> Option<T> {
        let is_gone = |entry: &entry::Packed| {
            entry.expires_ms().is_some_and(|deadline| deadline <= (self.shared.clock)())
        };
        self.shared.index.find(key, |entry| (!is_gone(entry)).then(|| read(entry))).flatten()
    }

    /// The store's clock, by which deadlines come.
    pub fn now(&self) -> SystemTime {
        entry::time((self.shared.clock)())
    }

    /// Writes a value; returns when the log vouches for it and reads see it. Dropping the future takes nothing back.
    pub async fn put(&self, put: Put) -> Result<PutOutcome, StoreError> {
        let Put { key, value, media_type, ttl, condition, request } = put;
        let action = Action::Put { value, media_type, ttl };
        let outcome = self.submit(Request::of(key, condition, action, request)).await.map_err(of_one_key)?;
        let existed = outcome.existed.first().copied().unwrap_or_default();
        Ok(PutOutcome { revision: outcome.revision, created: !existed, repeated: outcome.repeated })
    }

    /// Removes a key; returns when the log vouches for it and reads see it. Dropping the future takes nothing back.
    pub async fn delete(&self, delete: Delete) -> Result<DeleteOutcome, StoreError> {
        let request = Request::of(delete.key, delete.condition, Action::Delete, None);
        let outcome = self.submit(request).await.map_err(of_one_key)?;
        let existed = outcome.existed.first().copied().unwrap_or_default();
        Ok(DeleteOutcome { revision: existed.then_some(outcome.revision) })
    }

    /// Does several operations as one, if all conditions hold; returns when the log vouches for them and reads see
    /// them. Dropping the future takes nothing back.
    pub async fn transact(&self, transaction: Transaction) -> Result<TransactionOutcome, StoreError> {
        let outcome = self.submit(transaction.into()).await?;
        let existed = outcome.existed.as_slice().into();
        Ok(TransactionOutcome { revision: outcome.revision, existed, repeated: outcome.repeated })
    }

    /// What it holds and whether it takes writes.
    pub fn status(&self) -> StoreStatus {
        let (shared, index) = (&self.shared, &self.shared.index);
        let (hash, last_revision) = index.sequenced(|sequenced| (sequenced.hash, index.last_revision()));
        StoreStatus {
            keys: index.keys(),
            memory_bytes: index.memory_bytes(),
            last_revision,
            hash,
            log: shared.log.usage(),
            compactions: shared.compactions.done.load(Ordering::Relaxed),
            failed_compactions: shared.compactions.failed.load(Ordering::Relaxed),
            writable: shared.writable(),
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

    async fn submit(&self, request: Request) -> Result<Outcome, StoreError> {
        check::check(&request)?;
        let permits = u32::try_from(request.bytes() / PERMIT_BYTES + 1).unwrap_or(u32::MAX);
        // A request larger than the bound takes all of it.
        let permits = permits.min(u32::try_from(IN_FLIGHT_BYTES / PERMIT_BYTES).unwrap_or(u32::MAX));
        // Mostly there are some, and then nothing has to wait.
        let permit = if let Ok(permit) = Arc::clone(&self.permits).try_acquire_many_owned(permits) {
            permit
        } else {
            let permit = Arc::clone(&self.permits).acquire_many_owned(permits).await;
            permit.map_err(|_| StoreError::Closed)?
        };
        let (reply, answer) = oneshot::channel();
        {
            let mut head = self.shared.head.lock();
            head.open()?;
            if let Some(flight) = self.shared.decide(&mut head, request, reply, permit) {
                // It fails only when the applier is gone, and then the wait below says so.
                let _ = self.flights.send(Message::Flight(flight));
            }
        }
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Drop for Store {
    /// Lets the tasks see that it is gone.
    fn drop(&mut self) {
        self.shared.nearer_deadline.notify_one();
        self.shared.full.notify_one();
    }
}

/// What a request of one key is told of its one condition.
fn of_one_key(error: StoreError) -> StoreError {
    match error {
        StoreError::ConditionsFailed { failed } => {
            StoreError::ConditionFailed { current: failed.first().and_then(|failed| failed.current) }
        }
        error => error,
    }
}
