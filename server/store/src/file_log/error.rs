//! Builders of the log's errors: each says what was being done to which file.

use std::{io, path::Path};

use super::Directory;
use crate::LogError;

pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> LogError {
    LogError::Io { action, path: path.to_owned(), source }
}

pub(super) fn corrupt(
    directory: &dyn Directory,
    name: &str,
    offset: u64,
    reason: impl Into<String>,
) -> LogError {
    LogError::Corrupt { file: directory.path().join(name), offset, reason: reason.into() }
}

/// Whether an error says that the volume, or the user's share of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
