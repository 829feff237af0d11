//! How the store can fail, each with the way out.

use crate::log::{AppendError, LogError};

/// Why a write was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The condition does not hold at the head of the log. Nothing was written.
    #[error("the condition does not hold: {}", describe(*.current))]
    ConditionFailed {
        /// The key's revision there; `None` when it is absent.
        current: Option<u64>,
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

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log asks for something that this version can't do.
    #[error(
        "the log's entry {sequence} {demand}, which this version can't do; start the version that wrote it"
    )]
    Unsupported {
        /// The entry.
        sequence: u64,
        /// What it asks for.
        demand: &'static str,
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
