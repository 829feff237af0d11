//! How the store can fail, each with the way out.

use crate::{
    StateHash,
    log::{AppendError, LogError},
};

/// Why a write was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The condition does not hold at the head of the log. Nothing was written.
    #[error("the condition does not hold: {}", describe(*.current))]
    ConditionFailed {
        /// The key's revision there; `None` when it is absent.
        current: Option<u64>,
    },
    /// Some conditions of a transaction do not hold at the head of the log. Nothing was written.
    #[error("{} of the transaction's conditions do not hold", failed.len())]
    ConditionsFailed {
        /// Which ones.
        failed: Vec<FailedCondition>,
    },
    /// Two operations of a transaction have the same key.
    #[error("operation {index} has the key of an earlier one; name each key once")]
    DuplicateKey {
        /// The later one, counted from 0.
        index: usize,
    },
    /// A request of the same name is under way.
    #[error("a request of this name is under way; wait for its answer")]
    RequestInFlight,
    /// A request of the same name has asked for something else.
    #[error("a request of this name has asked for something else; give each request a name of its own")]
    RequestDiffers,
    /// The write would take the store over its limit of keys. Nothing was written.
    #[error("the store's limit of {limit} keys is reached; delete keys or raise the limit")]
    KeysFull {
        /// The limit.
        limit: u64,
    },
    /// The write would take the store over its memory limit. Nothing was written.
    #[error("the store's memory limit of {limit} bytes is reached; delete keys or raise the limit")]
    MemoryFull {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The log has no room. Nothing was written; writes go on by themselves when there is room.
    #[error("the log volume is full; free space or grow the volume, writes then go on by themselves")]
    LogFull,
    /// The log failed and refuses writes. Whether this one survives shows when the log is opened again.
    #[error("{message}")]
    LogFailed {
        /// What failed.
        message: String,
    },
    /// The store was closed before this write was accepted.
    #[error("the store is closed")]
    Closed,
    /// The key has no bytes.
    #[error("the key is empty; a key has at least one byte")]
    EmptyKey,
    /// A key, media type or value is longer than the log's format can hold.
    #[error("the {what} has {length} bytes, and the log can hold at most {limit}; shorten it")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// Its length, in bytes.
        length: usize,
        /// The most the format holds, in bytes.
        limit: usize,
    },
}

/// A condition of a transaction that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedCondition {
    /// Which one, counted from 0.
    pub index: usize,
    /// The key's revision; `None` when it is absent.
    pub current: Option<u64>,
}

/// Why the past can't be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PastError {
    /// It is no longer known.
    #[error(
        "revision {revision} is too long ago: what came behind it is known from revision {oldest} on; begin again"
    )]
    Compacted {
        /// The revision that was asked for.
        revision: u64,
        /// The oldest one that could be.
        oldest: u64,
    },
    /// It is not the past.
    #[error("revision {revision} is yet to come: the store is at revision {last}; begin again")]
    Future {
        /// The revision that was asked for.
        revision: u64,
        /// The last one.
        last: u64,
    },
}

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What was loaded is not what the snapshot was made of.
    #[error(
        "the log's snapshot at sequence {sequence} is not whole: its state has the hash {found}, and {expected} was \
         written; restore the volume from a backup"
    )]
    HashDiffers {
        /// The snapshot's sequence.
        sequence: u64,
        /// What was written.
        expected: StateHash,
        /// What was loaded.
        found: StateHash,
    },
}

impl From<AppendError> for StoreError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full { .. } => Self::LogFull,
            AppendError::Closed => Self::Closed,
            error @ (AppendError::Failed { .. } | AppendError::Conflict { .. }) => {
                Self::LogFailed { message: error.to_string() }
            }
        }
    }
}

fn describe(current: Option<u64>) -> String {
    current.map_or_else(
        || "the key is absent".to_owned(),
        |revision| format!("the key is at revision {revision}"),
    )
}
