//! The transaction log as the store sees it: the one trait that an exclusive log on a volume and a log shared by
//! many servers both fulfil. It must not know how either keeps its entries.

mod appended;
mod error;
mod snapshot;

use futures::{FutureExt, future::BoxFuture, stream::BoxStream};

pub use self::{
    appended::{Appended, Begin, Promise},
    error::{AppendError, CompactError, LogError},
    snapshot::{Snapshot, SnapshotError, TakeSnapshot},
};
use crate::{
    StateHash, StoreId,
    record::{LogEntry, Record},
};

/// A log as it is read, several entries at a time. It ends after an error.
pub type Entries = BoxStream<'static, Result<Chunk, LogError>>;

/// What comes next in a log that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// A part of the snapshot that a compacted log begins with: present keys, ordered by key, each as the put that
    /// wrote it, at that put's sequence; then requests that are still remembered, as records without changes.
    Snapshot(Vec<LogEntry>),
    /// The snapshot is whole. Comes once behind its parts.
    SnapshotEnd {
        /// The sequence behind which the log goes on.
        sequence: u64,
        /// The hash of the state that the parts make.
        hash: StateHash,
    },
    /// The next entries, in the order of the log.
    Entries(Vec<LogEntry>),
}

/// What a log takes on its volume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogUsage {
    /// Bytes of snapshot and records, without what is allocated ahead.
    pub bytes: u64,
    /// The sequence of the snapshot that it begins with; 0 without one. What is at or below it can't be told apart any
    /// more.
    pub compacted: u64,
}

/// One ordered, durable sequence of records, numbered from 1 without gaps.
pub trait TransactionLog: Send + Sync + 'static {
    /// The entries behind the sequence `after` up to the tail at the time of the call; behind 0, the snapshot first if
    /// the log was compacted. Behind another sequence that was compacted it fails with [`LogError::Compacted`].
    fn replay(&self, after: u64) -> Entries;

    /// Appends a batch behind `expected_tail`, whole or not at all; its records get the sequences
    /// `expected_tail + 1` and on.
    ///
    /// The call itself queues the batch, so the order of calls is the order in the log, and appends may follow each
    /// other without waiting: the next one expects the tail this one will make. The outcome is known when the log
    /// vouches for the batch by its sync policy; dropping it takes nothing back. The caller bounds what it has under
    /// way.
    ///
    /// `term` counts the refusals that the caller has taken note of. Once an append is refused, every further append
    /// of its term is refused too, whatever tail it expects: where the refused entry was to stand, another writer's
    /// may stand now, and a tail of the same number would then hide that the caller has not seen it.
    fn append(&self, term: u64, expected_tail: u64, batch: &[Record]) -> Appended;

    /// Like [`replay`](Self::replay), and then each further entry as the log comes to vouch for it. It ends when
    /// the log is closed.
    fn tail(&self, after: u64) -> Entries;

    /// Why it refuses appends for good, where it knows that before the next one: a sync may fail behind
    /// writes that were already answered.
    fn failure(&self) -> Option<AppendError> {
        None
    }

    /// The sequence of the last entry, where it is known without reading: whoever replays then knows what will still be
    /// recent at the end.
    fn last(&self) -> Option<u64> {
        None
    }

    /// Which log it is; `None` for one that nothing tells from others.
    fn store_id(&self) -> Option<StoreId> {
        None
    }

    /// What it takes on its volume; `None` for a log that never grows out of its place, which is then not compacted.
    fn usage(&self) -> Option<LogUsage> {
        None
    }

    /// Replaces everything up to a sequence by a snapshot of the state at that sequence, which `take` takes when the
    /// log is ready for it. Appends go on meanwhile. Returns when the snapshot is durable and what it replaces is gone;
    /// after an error the log is as it was. One compaction at a time.
    fn compact(&self, take: TakeSnapshot) -> BoxFuture<'static, Result<(), CompactError>> {
        drop(take);
        async { Err(CompactError::Unsupported) }.boxed()
    }

    /// Told from time to time how many bytes a snapshot would take now: the log does not grow beyond the room for one.
    fn expect_snapshot(&self, bytes: u64) {
        let _ = bytes;
    }

    /// Holds room on the volume so that a snapshot of this many bytes can still be written when the volume is full;
    /// [`compact`](Self::compact) uses it up. Fails when there is no such room.
    fn reserve(&self, bytes: u64) -> BoxFuture<'static, Result<(), LogError>> {
        let _ = bytes;
        async { Ok(()) }.boxed()
    }

    /// Makes durable what was accepted, then refuses further appends. Closing twice is harmless.
    fn close(&self) -> BoxFuture<'static, Result<(), LogError>>;
}
