//! One write on its way from its decision to its answer. Data only.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Condition, StoreError};
use crate::{Appended, Change, Record};

/// The longest key and the longest value, in bytes: a quarter of what a length field of the log can say, which leaves
/// room for what is around them.
const LIMIT: usize = 1 << 30;

/// What a caller wants done.
pub(super) struct Operation {
    pub(super) record: Record,
    pub(super) condition: Condition,
}

/// What was done, once the log vouches for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The sequence of the entry that was written, or the key's unchanged state was seen at.
    pub(super) revision: u64,
    /// Whether the key was present before.
    pub(super) existed: bool,
}

/// The way back to the caller. It may have left; that changes nothing.
pub(super) type Reply = oneshot::Sender<Result<Outcome, StoreError>>;

/// A decided operation, in the order of the log.
pub(super) struct Flight {
    pub(super) operation: Operation,
    pub(super) step: Step,
    pub(super) reply: Reply,
    /// Gives back the room it takes when the flight is over.
    pub(super) permit: OwnedSemaphorePermit,
}

/// What a flight waits for.
pub(super) enum Step {
    /// The log to vouch for the entry.
    Written { sequence: u64, outcome: Outcome, appended: Appended },
    /// The writes ahead of it: the answer was seen in them, and is true only once the log vouches for them.
    Seen(Result<Outcome, StoreError>),
}

/// What the applier is sent.
#[expect(
    clippy::large_enum_variant,
    reason = "all but one of them are flights; a box would cost each an allocation"
)]
pub(super) enum Message {
    /// The next flight in log order.
    Flight(Flight),
    /// The last message: everything before it was accepted.
    Close,
}

impl Operation {
    /// Refuses what no log can hold.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let too_long = |what, length, limit| Err(StoreError::TooLong { what, length, limit });
        if self.record.key.is_empty() {
            return Err(StoreError::EmptyKey);
        }
        if self.record.key.len() > LIMIT {
            return too_long("key", self.record.key.len(), LIMIT);
        }
        match &self.record.change {
            Change::Put { value, .. } if value.len() > LIMIT => too_long("value", value.len(), LIMIT),
            Change::Put { media_type: Some(name), .. } if name.len() > usize::from(u16::MAX) => {
                too_long("media type", name.len(), usize::from(u16::MAX))
            }
            _ => Ok(()),
        }
    }

    /// The bytes it carries.
    pub(super) fn bytes(&self) -> usize {
        let value = match &self.record.change {
            Change::Put { value, .. } => value.len(),
            Change::Delete => 0,
        };
        self.record.key.len() + value
    }
}
