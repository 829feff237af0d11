//! Compaction: a snapshot takes the place of all that it covers, while the log thread goes on.
//!
//! The order of the steps is what makes a kill between any two of them harmless: the snapshot gets its name only when it
//! and everything written before it are durable, and what it covers is removed only when that name is durable. Until
//! then the log is as it was; from then on what is still to be removed is removed at the next start.

mod covered;
mod pace;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

pub(super) use self::covered::remove_covered;
use super::{
    Directory, LogFile, Step, StepObserver,
    error::{io as io_error, is_full},
    queue::Waiting,
    reserve::{self, Reserve},
    segment,
    snapshot::{SnapshotEncoder, files},
    usage::Usage,
    vouched::Vouched,
};
use crate::{CompactError, LogError, StoreId, TakeSnapshot, log::AppendError};

/// After so many bytes a snapshot begins to be written out, without a wait: a sync of its own would have the log's syncs
/// wait for it.
const WRITE_OUT_EACH: u64 = 64 << 10;
/// After so many bytes it is made durable so far, so that a slow disk bounds what is still to be written.
const SYNC_EACH: u64 = 8 << 20;

pub(super) struct Compaction {
    pub(super) directory: Arc<dyn Directory>,
    pub(super) queue: Arc<Waiting>,
    pub(super) usage: Arc<Usage>,
    pub(super) reserve: Arc<Reserve>,
    pub(super) store_id: [u8; 16],
    pub(super) vouched: watch::Receiver<Vouched>,
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
        let written = self.write(SnapshotEncoder::new(source, StoreId(self.store_id))).and_then(|written| {
            // The snapshot may hold what the log was not asked to make durable so far.
            self.queue.sync().map_err(|error| failed(&error))?;
            Ok(written)
        });
        let (length, urgency) = match written {
            Ok(written) => written,
            Err(error) => {
                room.give_back();
                return Err(error);
            }
        };
        self.install(sequence, length, urgency)?;
        room.used();
        Ok(())
    }

    /// Writes the snapshot into the room held for it, durably; returns its length in bytes, and how urgent it was in the
    /// end.
    fn write(&self, mut parts: SnapshotEncoder) -> Result<(u64, u8), CompactError> {
        let file = reserve::open(&*self.directory).map_err(|source| self.io("create", source))?;
        let before = self.usage.get().bytes;
        let (mut length, mut written_out, mut synced) = (0, 0, 0);
        let rest = |began: Instant, urgency, length| {
            let grown = self.usage.get().bytes.saturating_sub(before);
            self.rest(pace::rest(began.elapsed(), urgency, length, grown))
        };
        let mut began = Instant::now();
        while let Some(part) = parts.next() {
            let part = part?;
            file.write_at(&part, length).map_err(|source| self.io("write", source))?;
            length += part.len() as u64;
            rest(began, parts.urgency(), length)?;
            began = Instant::now();
            // Each is a piece of work of its own, so that nobody waits for two at once.
            if length - written_out >= WRITE_OUT_EACH {
                file.write_out(written_out, length - written_out);
                written_out = length;
                rest(began, parts.urgency(), length)?;
                began = Instant::now();
            }
            if length - synced >= SYNC_EACH {
                file.sync().map_err(|source| self.io("sync", source))?;
                synced = length;
            }
        }
        file.truncate(length).map_err(|source| self.io("cut", source))?;
        file.sync().map_err(|source| self.io("sync", source))?;
        Ok((length, parts.urgency()))
    }

    /// Leaves processor and disk to others; an error when the log was closed meanwhile.
    fn rest(&self, time: Duration) -> Result<(), LogError> {
        self.directory.rest(time);
        if self.vouched.borrow().open { Ok(()) } else { Err(failed(&AppendError::Closed)) }
    }

    fn install(&self, sequence: u64, length: u64, urgency: u8) -> Result<(), LogError> {
        let directory = &*self.directory;
        let path = directory.path().join(files::UNFINISHED);
        self.step(Step::BeforeSnapshotRename);
        directory
            .rename(files::UNFINISHED, &files::name(sequence))
            .map_err(|source| io_error("rename", &path, source))?;
        self.step(Step::AfterSnapshotRename);
        directory.sync().map_err(|source| io_error("sync the log directory", directory.path(), source))?;
        self.usage.set_snapshot(sequence, length);
        let mut began = Instant::now();
        let freed = || {
            // Whoever closes the log meanwhile does not wait for it.
            let urgency = if self.vouched.borrow().open { urgency } else { 100 };
            directory.rest(pace::rest(began.elapsed(), urgency, length, 0));
            began = Instant::now();
        };
        remove_covered(
            directory,
            sequence,
            &|step| self.step(step),
            &|bytes| self.usage.remove_sealed(bytes),
            freed,
        )
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

fn failed(error: &AppendError) -> LogError {
    LogError::Failed { message: error.to_string() }
}
