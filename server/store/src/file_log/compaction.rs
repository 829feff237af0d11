//! Compaction: a snapshot takes the place of all that it covers, while the log thread goes on.
//!
//! The order of the steps is what makes a kill between any two of them harmless: the snapshot gets its name only when it
//! and everything written before it are durable, and what it covers is removed only when that name is durable. Until
//! then the log is as it was; from then on what is still to be removed is removed at the next start.

use std::{io, sync::Arc};

use super::{
    Directory, Step, StepObserver,
    error::{io as io_error, is_full},
    queue::Waiting,
    reserve::{self, Reserve},
    segment,
    snapshot::{SnapshotEncoder, files},
    usage::Usage,
};
use crate::{CompactError, LogError, TakeSnapshot, log::AppendError};

/// After so many bytes a snapshot that is being written is made durable so far: one sync of all of it would hold up the
/// syncs of the log for as long.
const SYNC_EACH: u64 = 4 << 20;

pub(super) struct Compaction {
    pub(super) directory: Arc<dyn Directory>,
    pub(super) queue: Arc<Waiting>,
    pub(super) usage: Arc<Usage>,
    pub(super) reserve: Arc<Reserve>,
    pub(super) store_id: [u8; 16],
    pub(super) on_step: Option<StepObserver>,
}

impl Compaction {
    /// Runs on a thread of its own.
    pub(super) fn run(&self, take: TakeSnapshot) -> Result<(), CompactError> {
        // All segments but the new one then lie below the snapshot. Without room for a new one, what is there has to do.
        match self.queue.roll() {
            Ok(()) | Err(AppendError::Full { .. }) => {}
            Err(error) => return Err(failed(&error).into()),
        }
        let source = take();
        let sequence = source.sequence();
        let room = self.reserve.take().map_err(|source| self.io("open", source))?;
        let written = self.write(SnapshotEncoder::of_log(source, self.store_id)).and_then(|length| {
            // The snapshot may hold what the log was not asked to make durable so far.
            self.queue.sync().map_err(|error| failed(&error))?;
            Ok(length)
        });
        let length = match written {
            Ok(length) => length,
            Err(error) => {
                room.give_back();
                return Err(error);
            }
        };
        self.install(sequence, length)?;
        room.used();
        Ok(())
    }

    /// Writes the snapshot into the room held for it, durably; returns its length in bytes.
    fn write(&self, parts: SnapshotEncoder) -> Result<u64, CompactError> {
        let file = reserve::open(&*self.directory).map_err(|source| self.io("create", source))?;
        let (mut length, mut synced) = (0, 0);
        for part in parts {
            let part = part?;
            file.write_at(&part, length).map_err(|source| self.io("write", source))?;
            length += part.len() as u64;
            if length - synced >= SYNC_EACH {
                file.sync().map_err(|source| self.io("sync", source))?;
                synced = length;
            }
        }
        file.truncate(length).map_err(|source| self.io("cut", source))?;
        file.sync().map_err(|source| self.io("sync", source))?;
        Ok(length)
    }

    fn install(&self, sequence: u64, length: u64) -> Result<(), LogError> {
        let directory = &*self.directory;
        let path = directory.path().join(files::UNFINISHED);
        self.step(Step::BeforeSnapshotRename);
        directory
            .rename(files::UNFINISHED, &files::name(sequence))
            .map_err(|source| io_error("rename", &path, source))?;
        self.step(Step::AfterSnapshotRename);
        directory.sync().map_err(|source| io_error("sync the log directory", directory.path(), source))?;
        self.usage.set_snapshot(sequence, length);
        remove_covered(directory, sequence, &|step| self.step(step), &|bytes| self.usage.remove_sealed(bytes))
    }

    fn step(&self, step: Step) {
        if let Some(on_step) = &self.on_step {
            on_step(step);
        }
    }

    fn io(&self, action: &'static str, source: io::Error) -> CompactError {
        if is_full(&source) {
            return CompactError::Full { message: source.to_string() };
        }
        io_error(action, &self.directory.path().join(files::UNFINISHED), source).into()
    }
}

/// Removes the segments that lie wholly at or below a snapshot, and older snapshots.
pub(super) fn remove_covered(
    directory: &dyn Directory,
    sequence: u64,
    step: &dyn Fn(Step),
    removed: &dyn Fn(u64),
) -> Result<(), LogError> {
    let firsts = segment::list(directory)?;
    let covered = firsts.windows(2).filter(|pair| pair[1] <= sequence + 1).map(|pair| segment::name(pair[0]));
    let older = files::list(directory)?.into_iter().filter(|older| *older < sequence).map(files::name);
    let names: Vec<String> = covered.chain(older).collect();
    for name in &names {
        let path = directory.path().join(name);
        let length = directory.open(name).and_then(|file| file.length()).unwrap_or(0);
        step(Step::BeforeUnlink);
        directory.remove(name).map_err(|source| io_error("remove", &path, source))?;
        step(Step::AfterUnlink);
        if name.ends_with(segment::SUFFIX) {
            removed(length);
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    directory.sync().map_err(|source| io_error("sync the log directory", directory.path(), source))
}

fn failed(error: &AppendError) -> LogError {
    LogError::Failed { message: error.to_string() }
}
