//! A consistent picture of the state at one sequence, read part by part while writes go on.

use crate::{LogEntry, StateHash};

/// Takes a snapshot at the moment of the call.
pub type TakeSnapshot = Box<dyn FnOnce() -> Box<dyn Snapshot> + Send>;

/// The state at one sequence, in parts.
pub trait Snapshot: Send {
    /// The sequence.
    fn sequence(&self) -> u64;

    /// The hash of the state there.
    fn hash(&self) -> StateHash;

    /// The next part, as [`Chunk::Snapshot`](super::Chunk::Snapshot) has it; no entries at the end. Blocks for moments
    /// only. Not called again after an error.
    fn read(&mut self) -> Result<Vec<LogEntry>, SnapshotError>;

    /// How urgent it is to come to the end, in percent: from 0, where the reader may rest between the parts, to 100, where
    /// it must not.
    fn urgency(&self) -> u8 {
        0
    }
}

/// Why a snapshot broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// What was changed behind the reader's back, and had to be kept for it, took more than its share of memory.
    #[error(
        "the snapshot was read too slowly: changes made meanwhile took more than {limit} bytes of memory; read faster or \
         try again when fewer writes come"
    )]
    Overrun {
        /// Its share, in bytes.
        limit: u64,
    },
}
