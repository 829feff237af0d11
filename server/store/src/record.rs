//! What a log carries: one record is one change of one key. Pure data; how a log encodes it is its own affair.

use std::sync::Arc;

use bytes::Bytes;

/// One change of one key, before a log gave it its sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The key: any bytes, at least one.
    pub key: Bytes,
    /// When it was accepted, in milliseconds since the Unix epoch.
    pub written_ms: u64,
    /// What happens to the key.
    pub change: Change,
}

/// What happens to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The key has this value from here on.
    Put {
        /// Any bytes, also none.
        value: Bytes,
        /// As the writer named it; kept, never interpreted. At most 65,535 bytes.
        media_type: Option<Arc<str>>,
        /// The deadline in milliseconds since the Unix epoch after which the key is gone.
        expires_ms: Option<u64>,
    },
    /// The key is absent from here on.
    Delete,
}

/// A record at its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place: 1 for the first entry of a log, then without gaps. It is the revision of the key it wrote.
    pub sequence: u64,
    /// The change.
    pub record: Record,
}
