//! How a log can fail, in sentences for a person who has to act on them.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why an append was refused. Nothing of the refused batch is in the log, save after `Failed`, whose outcome is
/// unknown until the log is opened again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended first: catch up to `tail`, evaluate again, append behind it.
    #[error("the log has moved on to sequence {tail}; catch up and evaluate again")]
    Conflict {
        /// Where the log ends now.
        tail: u64,
    },
    /// There is no room. Appends succeed again as soon as there is.
    #[error(
        "the log volume is full: {message}; free space or grow the volume, writes then go on by themselves"
    )]
    Full {
        /// What the system said.
        message: String,
    },
    /// A write or sync failed. It is never retried, since the kernel may have dropped the pages: the log refuses
    /// writes until it is opened again.
    #[error("the log failed and refuses writes until the server is restarted: {message}")]
    Failed {
        /// What the system said, about which file.
        message: String,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why a log was not compacted. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// Logs of this kind keep everything.
    #[error("this kind of log is not compacted")]
    Unsupported,
    /// There is no room for the snapshot.
    #[error(
        "the log volume has no room for a snapshot of the store: {message}; free space or grow the volume"
    )]
    Full {
        /// What the system said.
        message: String,
    },
    /// The snapshot broke off.
    #[error(transparent)]
    Snapshot(#[from] super::SnapshotError),
    /// The log can't be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Why a log can't be opened, read or closed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Bytes that were durable are not what was written. The log is refused, never cut.
    #[error(
        "the log is corrupt in {} at byte {offset}: {reason}; acknowledged writes are damaged, restore the volume \
         from a backup",
        file.display()
    )]
    Corrupt {
        /// The segment.
        file: PathBuf,
        /// Where in it, in bytes from its start.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// Entries are missing, or come twice.
    #[error(
        "the log has a break in its sequence in {} at byte {offset}: expected {expected}, found {found}; a segment is \
         missing or foreign, put it back or restore the volume from a backup",
        file.display()
    )]
    Gap {
        /// The segment.
        file: PathBuf,
        /// Where in it, in bytes from its start.
        offset: u64,
        /// The sequence that should come next.
        expected: u64,
        /// The one that does.
        found: u64,
    },
    /// A file of the log is not there.
    #[error(
        "{} is missing: {reason}; put it back or restore the volume from a backup",
        file.display()
    )]
    Missing {
        /// The file.
        file: PathBuf,
        /// How that is known.
        reason: String,
    },
    /// Entries that were asked for were replaced by a snapshot.
    #[error(
        "the log's entries behind sequence {after} were compacted; it begins behind sequence {compacted}"
    )]
    Compacted {
        /// The sequence behind which entries were asked for.
        after: u64,
        /// The sequence of the snapshot.
        compacted: u64,
    },
    /// Written by a version whose format this one does not know.
    #[error(
        "{} has log format {found}, and this version reads {supported}; start the version that wrote it",
        file.display()
    )]
    ForeignVersion {
        /// The segment.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        supported: u32,
    },
    /// Another process has it open.
    #[error("the log in {} is in use by another process; stop it or choose another data directory", directory.display())]
    Locked {
        /// The log's directory.
        directory: PathBuf,
    },
    /// There is no room to begin a log. One that has begun can always be opened.
    #[error(
        "{} has no room for the {bytes} bytes of the log's first segment; free space, grow the volume, or choose \
         smaller segments",
        directory.display()
    )]
    Full {
        /// The log's directory.
        directory: PathBuf,
        /// What the segment needs.
        bytes: u64,
    },
    /// What is there was left by a restore that was interrupted.
    #[error(
        "a restore into {} was interrupted, and what it left is no log; run it again, it begins anew",
        directory.display()
    )]
    HalfRestored {
        /// The log's directory.
        directory: PathBuf,
    },
    /// The system refused an operation on a file.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as in "can't ACTION FILE".
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log refuses writes since an earlier failure, so what was accepted could not all be made durable.
    #[error("the log failed and refuses writes until the server is restarted: {message}")]
    Failed {
        /// What the system said, about which file.
        message: String,
    },
}

impl LogError {
    /// Whether it tells of bytes or files that are not as they were written, rather than of a system that refuses.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Gap { .. } | Self::Missing { .. })
    }

    /// The file that it is about, and where in it, in bytes; none where it is about no place.
    pub fn place(&self) -> Option<(&Path, u64)> {
        match self {
            Self::Corrupt { file, offset, .. } | Self::Gap { file, offset, .. } => Some((file, *offset)),
            Self::Missing { file, .. } => Some((file, 0)),
            _ => None,
        }
    }
}
