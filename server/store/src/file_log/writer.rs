//! The end of the log, where the log thread writes. It knows what is written and what is durable, rolls segments, and
//! tells a full volume, after which it can go on, from a failure, after which nobody can know what is on the disk.

use std::{io, sync::Arc, time::Instant};

use rand::Rng;

use super::{
    Directory, Step, StepObserver, error,
    format::{BATCH_HEADER, HEADER, Header, seal},
    manifest,
    options::{FileLogOptions, Sync, SyncObserver},
    queue::Chunk,
    recovery,
    reserve::Reserve,
    segment::Segment,
    usage::Usage,
};
use crate::{AppendError, LogError};

/// The most that is kept for removals at the end of a segment, in bytes: room for a thousand or so.
const KEPT_FOR_REMOVALS: u64 = 64 << 10;

/// What is prepared at a time, in bytes: so much that it is seldom, and so little that the sync behind it is hardly longer.
const PREPARED_EACH: u64 = 256 << 10;
/// What file systems allocate, in bytes.
const BLOCK: u64 = 4 << 10;

pub(super) struct Writer {
    directory: Arc<dyn Directory>,
    segment_bytes: u64,
    segment: Segment,
    /// Where the next batch goes, in bytes.
    position: u64,
    /// Up to where the segment is prepared for small writes, in bytes.
    prepared: u64,
    sync: Sync,
    /// The sequence of the last record written.
    written: u64,
    /// The sequence of the last record that is durable.
    durable: u64,
    /// Whether a mark was written since the last sync.
    marked: bool,
    /// Whether the last batch is durable and nothing behind it says so.
    needs_mark: bool,
    /// Whether the manifest has to name the segment before anything is written to it.
    unnamed: bool,
    on_sync: Option<SyncObserver>,
    on_step: Option<StepObserver>,
    usage: Arc<Usage>,
    reserve: Arc<Reserve>,
}

impl Writer {
    /// Finds the end of the log by the recovery rule, or begins a log.
    pub(super) fn open(
        directory: Arc<dyn Directory>,
        options: FileLogOptions,
        usage: Arc<Usage>,
        reserve: Arc<Reserve>,
    ) -> Result<Self, LogError> {
        let FileLogOptions { segment_bytes, sync, on_sync, on_step } = options;
        let end = recovery::recover(&*directory, segment_bytes, &usage)?;
        usage.set_active(end.position);
        // What recovery has read may never have been synced; its sync makes it so.
        Ok(Self {
            directory,
            segment_bytes,
            segment: end.segment,
            position: end.position,
            prepared: 0,
            sync,
            written: end.tail,
            durable: end.tail,
            marked: false,
            needs_mark: true,
            unnamed: end.unnamed,
            on_sync,
            on_step,
            usage,
            reserve,
        })
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn is_durable(&self) -> bool {
        self.durable == self.written
    }

    /// Writes a chunk as a batch. Refused as full, nothing of it is in the log.
    pub(super) fn write(&mut self, chunk: &mut Chunk) -> Result<(), AppendError> {
        let Chunk { bytes: batch, first_sequence, count, removes, .. } = chunk;
        self.name_in_manifest()?;
        let length = batch.len() as u64;
        let kept = if *removes { 0 } else { self.kept_for_removals() };
        if self.position + length + kept > self.segment.length {
            self.roll(*first_sequence, length + kept)?;
        }
        self.prepare(length);
        seal(batch, self.segment.header.salt, *first_sequence, self.durable, *count);
        self.step(Step::BeforeWrite);
        match self.segment.file.write_at(batch, self.position) {
            Ok(()) => {
                self.step(Step::AfterWrite);
                self.position += length;
                self.usage.set_active(self.position);
                self.written += u64::from(*count);
                Ok(())
            }
            Err(error) if error::is_full(&error) => {
                self.undo()?;
                Err(AppendError::Full { message: error.to_string() })
            }
            Err(error) => Err(self.failed("write", &error)),
        }
    }

    /// Prepares the segment for a write that is to be synced at once, and for those behind it. A large one costs more to
    /// prepare than that spares.
    fn prepare(&mut self, length: u64) {
        let end = self.position + length;
        if self.sync != Sync::Always || length > PREPARED_EACH / 4 || end <= self.prepared {
            return;
        }
        let from = self.prepared.max(self.position).next_multiple_of(BLOCK);
        let upto = (end.next_multiple_of(BLOCK) + PREPARED_EACH).min(self.segment.length);
        if from < upto {
            self.segment.file.prepare(from, upto - from);
        }
        self.prepared = upto;
    }

    /// How much of the end of each segment only removals are written to, in bytes: on a full volume, where no further
    /// segment can be made, they make the garbage that a compaction then frees.
    fn kept_for_removals(&self) -> u64 {
        KEPT_FOR_REMOVALS.min(self.segment_bytes / 16)
    }

    /// Makes durable what is written. Never called again after an error.
    pub(super) fn sync(&mut self) -> Result<(), AppendError> {
        if self.is_durable() { Ok(()) } else { self.sync_all() }
    }

    /// Makes durable what is written, marks too.
    fn sync_all(&mut self) -> Result<(), AppendError> {
        self.step(Step::BeforeSync);
        let began = Instant::now();
        let synced = self.segment.file.sync();
        if let Some(on_sync) = &self.on_sync {
            on_sync(began.elapsed());
        }
        synced.map_err(|error| self.failed("sync", &error))?;
        self.needs_mark |= self.durable != self.written;
        self.durable = self.written;
        self.marked = false;
        self.step(Step::AfterSync);
        Ok(())
    }

    /// Whether the last batch is durable and nothing behind it says so.
    pub(super) fn needs_mark(&self) -> bool {
        self.needs_mark && self.is_durable()
    }

    /// Writes, behind the last batch, that all of it is durable, so that rot in it is told from a torn write. The next
    /// batch overwrites the mark; it needs no sync, being true whenever it gets to the disk.
    pub(super) fn mark(&mut self) -> Result<(), AppendError> {
        self.needs_mark = false;
        if self.position + BATCH_HEADER as u64 > self.segment.length {
            return Ok(());
        }
        self.marked = true;
        let mut mark = [0; BATCH_HEADER];
        seal(&mut mark, self.segment.header.salt, self.written + 1, self.durable, 0);
        match self.segment.file.write_at(&mark, self.position) {
            Err(error) if error::is_full(&error) => self.undo(),
            Err(error) => Err(self.failed("write", &error)),
            Ok(()) => Ok(()),
        }
    }

    /// Makes the last mark durable as well: the end of an orderly close.
    pub(super) fn seal(&mut self) -> Result<(), AppendError> {
        self.mark()?;
        self.sync_all()
    }

    pub(super) fn store_id(&self) -> [u8; 16] {
        self.segment.header.store_id
    }

    /// Goes on in a new segment, unless this one has no records.
    pub(super) fn begin_segment(&mut self) -> Result<(), AppendError> {
        // The one that is left has to be named first: else a crash in between leaves a log that nobody named.
        self.name_in_manifest()?;
        if self.is_empty() { Ok(()) } else { self.roll(self.written + 1, 0) }
    }

    /// Whether the segment has no records. It may have marks.
    fn is_empty(&self) -> bool {
        self.segment.header.first_sequence > self.written
    }

    pub(super) fn step(&self, step: Step) {
        if let Some(on_step) = &self.on_step {
            on_step(step);
        }
    }

    /// Goes on in a new segment. The old one is durable before, its last mark too: that the new one exists is the
    /// proof, and nothing half-written may stay in the old one.
    fn roll(&mut self, first_sequence: u64, batch: u64) -> Result<(), AppendError> {
        if self.marked || !self.is_durable() {
            self.sync_all()?;
        }
        let length = self.segment_bytes.max(HEADER as u64 + batch);
        let replaced = self.is_empty();
        // A segment without records is replaced by one of the same name, and has to be the one that the manifest names.
        let salt = if replaced { self.segment.header.salt } else { rand::rng().random() };
        self.hold_room_for_snapshot(length)?;
        self.step(Step::BeforeRoll);
        match Segment::create(
            &*self.directory,
            Header { salt, store_id: self.store_id(), first_sequence, length },
        ) {
            Ok(segment) => {
                tracing::debug!(file = segment.name, bytes = length, "Began a segment of the log.");
                if !replaced {
                    self.release();
                }
                self.segment = segment;
                self.unnamed = false;
                self.position = HEADER as u64;
                self.prepared = 0;
                self.usage.set_active(self.position);
                self.step(Step::AfterRoll);
                Ok(())
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Sees to it that a segment of so many bytes leaves room for the snapshot that would compact it.
    fn hold_room_for_snapshot(&self, segment: u64) -> Result<(), AppendError> {
        match self.reserve.hold_for_segment(segment) {
            Err(LogError::Io { source, .. }) if error::is_full(&source) => Err(AppendError::Full {
                message: format!("there is no room for a snapshot beside another segment: {source}"),
            }),
            Err(error) => {
                tracing::warn!(%error, "No room is held for the next compaction of the log.");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Has the manifest name the segment, where a start found no room for that.
    fn name_in_manifest(&mut self) -> Result<(), AppendError> {
        if self.unnamed {
            manifest::write(&*self.directory, &self.segment.header).map_err(refused)?;
            self.unnamed = false;
        }
        Ok(())
    }

    /// Gives back what was allocated for the segment and is not used. It stays what it is if that fails.
    fn release(&self) {
        // The mark behind the last batch stays.
        let used = self.position + BATCH_HEADER as u64;
        self.usage.add_sealed(used.min(self.segment.length));
        if used < self.segment.length
            && let Err(error) = self.segment.file.truncate(used)
        {
            tracing::warn!(%error, file = self.segment.name, "Could not give back unused room of a segment.");
        }
    }

    /// Takes back a write that found the volume full, durably, before anybody is told that it did not happen.
    fn undo(&mut self) -> Result<(), AppendError> {
        self.prepared = 0;
        // The mark is cleared as well.
        self.needs_mark = true;
        let file = &self.segment.file;
        file.clear(self.position).map_err(|error| self.failed("clear", &error))?;
        match file.allocate(self.segment.length) {
            Ok(()) => {}
            // The next write rolls.
            Err(error) if error::is_full(&error) => self.segment.length = self.position,
            Err(error) => return Err(self.failed("allocate", &error)),
        }
        self.sync_all()
    }

    fn failed(&self, action: &str, error: &io::Error) -> AppendError {
        let path = self.directory.path().join(&self.segment.name);
        AppendError::Failed { message: format!("can't {action} {}: {error}", path.display()) }
    }
}

/// What a write is told when a file could not be made for it.
fn refused(error: LogError) -> AppendError {
    match error {
        LogError::Io { source, .. } if error::is_full(&source) => {
            AppendError::Full { message: source.to_string() }
        }
        LogError::Failed { message } => AppendError::Failed { message },
        error => AppendError::Failed { message: error.to_string() },
    }
}
