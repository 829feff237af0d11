//! The transaction log as the store sees it: the one trait that an exclusive log on a volume and a log shared by
//! many servers both fulfil. It must not know how either keeps its entries.

mod error;

use futures::{future::BoxFuture, stream::BoxStream};

pub use self::error::{AppendError, LogError};
use crate::record::{LogEntry, Record};

/// Entries in the order of the log, several at a time. It ends after an error.
pub type Entries = BoxStream<'static, Result<Vec<LogEntry>, LogError>>;

/// The outcome of an append: the new tail, which is the sequence of the batch's last record.
pub type Appended = BoxFuture<'static, Result<u64, AppendError>>;

/// One ordered, durable sequence of records, numbered from 1 without gaps.
pub trait TransactionLog: Send + Sync + 'static {
    /// The entries behind the sequence `after` (0: from the first) up to the tail at the time of the call.
    fn replay(&self, after: u64) -> Entries;

    /// Appends a batch behind `expected_tail`, whole or not at all; its records get the sequences
    /// `expected_tail + 1` and on.
    ///
    /// The call itself queues the batch, so the order of calls is the order in the log, and appends may follow each
    /// other without waiting: the next one expects the tail this one will make. The future only waits until the log
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

    /// Makes durable what was accepted, then refuses further appends. Closing twice is harmless.
    fn close(&self) -> BoxFuture<'static, Result<(), LogError>>;
}
