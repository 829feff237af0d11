//! What a log carries: one record is one atomic set of changes, mostly of one key. Pure data; how a log encodes it is
//! its own affair.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

/// The changes of one record. Most records have one; it then takes no allocation.
pub type Changes = SmallVec<[Change; 1]>;

/// One atomic set of changes, before a log gave it its sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was accepted, in milliseconds since the Unix epoch.
    pub written_ms: u64,
    /// What happens, to each key at most once. None at all only where a request is remembered that changed nothing.
    pub changes: Changes,
    /// The request that asked for it, where the client wants it remembered.
    pub remembered: Option<Box<Remembered>>,
}

/// What happens to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key: any bytes, at least one.
    pub key: Bytes,
    /// What it is from here on.
    pub effect: Effect,
}

/// What a key is from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The key has this value.
    Put {
        /// Any bytes, also none.
        value: Bytes,
        /// As the writer named it; kept, never interpreted. At most 65,535 bytes.
        media_type: Option<Arc<str>>,
        /// The deadline in milliseconds since the Unix epoch from which on the key is gone.
        expires_ms: Option<u64>,
    },
    /// The key is absent: somebody deleted it.
    Delete,
    /// The key is absent: its deadline has come.
    Expire,
}

/// A request whose outcome is given again when it is repeated, until its window is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The client's name for the request: from 1 to 255 bytes.
    pub id: Bytes,
    /// A digest of what was asked, to tell another request of the same name.
    pub fingerprint: [u8; 16],
    /// The outcome: of each operation of the request, in order, whether its key was present before.
    pub existed: Box<[bool]>,
}

/// A record at its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place: 1 for the first entry of a log, then without gaps. It is the revision of each key it wrote.
    pub sequence: u64,
    /// The changes.
    pub record: Record,
}

impl Record {
    /// A record of one change.
    pub fn of(key: Bytes, written_ms: u64, effect: Effect) -> Self {
        Self { written_ms, changes: SmallVec::from_buf([Change { key, effect }]), remembered: None }
    }
}
