//! The room held for the next snapshot, in the file that the snapshot is then written to: what lets a full volume be
//! compacted. It is never given up for more of it, nor by a compaction that fails, nor by a restart.
//!
//! The log does not grow beyond it: before a segment is begun, room is held for what may be written to it as well.

use std::{io, sync::Arc};

use parking_lot::{Mutex, MutexGuard};

use super::{Directory, LogFile, error::io as io_error, snapshot::files, usage::Usage};
use crate::LogError;

pub(super) struct Reserve {
    directory: Arc<dyn Directory>,
    usage: Arc<Usage>,
    /// Held while the room is changed or used.
    expected: Mutex<Option<Expected>>,
}

/// What the next snapshot would take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// In bytes.
    snapshot: u64,
    /// What the log took then, in bytes.
    log: u64,
}

impl Reserve {
    pub(super) fn new(directory: Arc<dyn Directory>, usage: Arc<Usage>) -> Self {
        Self { directory, usage, expected: Mutex::default() }
    }

    /// At a start, before the store can tell: what is held is what it expected.
    pub(super) fn resume(&self) -> Result<(), LogError> {
        let path = self.directory.path().join(files::UNFINISHED);
        let held = held(&*self.directory).map_err(|source| io_error("open", &path, source))?;
        if held > 0 {
            self.expect(held);
        }
        Ok(())
    }

    /// Takes note of what a snapshot would take now, in bytes.
    pub(super) fn expect(&self, snapshot: u64) {
        // A compaction is about to tell better.
        if let Some(mut expected) = self.expected.try_lock() {
            *expected = Some(Expected { snapshot, log: self.usage.get().bytes });
        }
    }

    /// Holds room for a snapshot of so many bytes. Blocks.
    pub(super) fn hold(&self, bytes: u64) -> Result<(), LogError> {
        let _expected = self.expected.lock();
        extend(&*self.directory, bytes)
    }

    /// Holds room for what may be written to a segment of so many bytes that is about to be begun.
    pub(super) fn hold_for_segment(&self, bytes: u64) -> Result<(), LogError> {
        // A compaction that uses the room up makes some.
        let Some(expected) = self.expected.try_lock() else { return Ok(()) };
        let Some(Expected { snapshot, log }) = *expected else { return Ok(()) };
        let appended = self.usage.get().bytes.saturating_sub(log);
        extend(&*self.directory, snapshot + appended + bytes)
    }

    /// The room, for whoever writes a snapshot to it; nobody else changes it meanwhile.
    pub(super) fn take(&self) -> io::Result<Taken<'_>> {
        let expected = self.expected.lock();
        let held = held(&*self.directory)?;
        Ok(Taken { reserve: self, held, expected })
    }
}

/// The room while it is used.
pub(super) struct Taken<'a> {
    reserve: &'a Reserve,
    /// How much was held, in bytes.
    held: u64,
    expected: MutexGuard<'a, Option<Expected>>,
}

impl Taken<'_> {
    /// The snapshot took its place.
    pub(super) fn used(mut self) {
        // What the store expects is told again soon, and of a log that is far smaller now.
        *self.expected = None;
    }

    /// Behind a snapshot that broke off, holds as much room as before; half a snapshot would only take more.
    pub(super) fn give_back(self) {
        let directory = &*self.reserve.directory;
        let given = if self.held == 0 {
            directory.remove(files::UNFINISHED)
        } else {
            open(directory).and_then(|file| {
                file.allocate(self.held)?;
                file.truncate(self.held)
            })
        };
        match given {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, bytes = self.held, "Could not hold the room for the next snapshot as before.");
            }
            _ => {}
        }
    }
}

/// The file that is the room, or an empty one.
pub(super) fn open(directory: &dyn Directory) -> io::Result<Box<dyn LogFile>> {
    match directory.open(files::UNFINISHED) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => directory.create(files::UNFINISHED),
        opened => opened,
    }
}

/// How much room is held, in bytes.
fn held(directory: &dyn Directory) -> io::Result<u64> {
    match directory.open(files::UNFINISHED) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        opened => opened?.length(),
    }
}

/// Holds at least so many bytes. What is held is held on when there is no room for more.
fn extend(directory: &dyn Directory, bytes: u64) -> Result<(), LogError> {
    let path = directory.path().join(files::UNFINISHED);
    let before = held(directory).map_err(|source| io_error("open", &path, source))?;
    let file = open(directory).map_err(|source| io_error("create", &path, source))?;
    file.allocate(bytes).map_err(|source| {
        // A part of what was asked for is of no use.
        let kept = if before == 0 { directory.remove(files::UNFINISHED) } else { file.truncate(before) };
        if let Err(error) = kept {
            tracing::warn!(%error, file = files::UNFINISHED, "Could not give back room of the log volume.");
        }
        io_error("allocate", &path, source)
    })
}
