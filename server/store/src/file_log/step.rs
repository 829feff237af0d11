//! The named steps of the log, for tests that end the process, or look, at one of them.

use std::sync::Arc;

/// Told of each step as it comes, on the thread that does it, which waits meanwhile.
pub type StepObserver = Arc<dyn Fn(Step) + Send + Sync>;

/// A step between two of which the process may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A batch is about to be written.
    BeforeWrite,
    /// It is written, and not durable.
    AfterWrite,
    /// What is written is about to be made durable.
    BeforeSync,
    /// It is durable, and nobody was told.
    AfterSync,
    /// Everybody is about to be told.
    BeforeAcknowledge,
    /// A new segment is about to be made.
    BeforeRoll,
    /// It is made, and empty.
    AfterRoll,
    /// A snapshot is whole and durable, without its name.
    BeforeSnapshotRename,
    /// It has its name, which is not durable.
    AfterSnapshotRename,
    /// A file that the snapshot covers is about to be removed.
    BeforeUnlink,
    /// It is removed, which is not durable.
    AfterUnlink,
    /// A part of the log was read at a start.
    Replay,
}
