//! A new log from the snapshot of another one: what a copy of a store, or a backup, is made of again.

use std::{
    io::{self, Read},
    path::Path,
};

use rand::Rng;

use super::{
    Directory, LogFile,
    disk::DiskDirectory,
    error::io as io_error,
    format::{BATCH_HEADER, HEADER, Header, Kind, MAX_SEQUENCE},
    manifest, segment,
    snapshot::{Damage, Decoder, Part, files},
};
use crate::{LogError, StateHash};

/// How many sequences are left out behind the snapshot. The store that it was taken from went on, and its clients hold
/// revisions of what it wrote then, as entity tags and as places in a watch: none of them may come again.
const LEFT_OUT: u64 = 1 << 32;

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The sequence that the snapshot was taken at.
    pub sequence: u64,
    /// The sequence behind which the new log goes on.
    pub goes_on_behind: u64,
    /// How many keys it holds.
    pub keys: u64,
    /// The hash of their state.
    pub hash: StateHash,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a log already.
    #[error("there is a log in {directory} already; restore into an empty directory")]
    NotEmpty {
        /// The directory.
        directory: String,
    },
    /// The snapshot is damaged.
    #[error("the snapshot is not whole: {reason}; nothing was restored, take another snapshot")]
    Damaged {
        /// What is wrong, and where.
        reason: String,
    },
    /// A file can't be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Makes a new log in `directory`, which has none, of a snapshot as [`SnapshotEncoder`](super::SnapshotEncoder) writes
/// it. It is checked to its end before it is part of a log.
pub fn restore(directory: &Path, source: impl Read) -> Result<Restored, RestoreError> {
    restore_in(&DiskDirectory::lock(directory)?, source)
}

/// Like [`restore`], in a directory of any kind. The caller sees to it that nobody else writes there.
pub fn restore_in(directory: &dyn Directory, source: impl Read) -> Result<Restored, RestoreError> {
    let empty = segment::list(directory)?.is_empty()
        && files::list(directory)?.is_empty()
        && manifest::read(directory).is_ok_and(|manifest| manifest.is_none());
    if !empty {
        return Err(RestoreError::NotEmpty { directory: directory.path().display().to_string() });
    }
    let path = directory.path().join(files::UNFINISHED);
    let file = directory.create(files::UNFINISHED).map_err(|source| io_error("create", &path, source))?;
    let restored = copy(&*file, source);
    let restored = restored.and_then(|(restored, header)| {
        file.write_at(&header.encode(Kind::Snapshot), 0).map_err(|error| io_error("write", &path, error))?;
        file.sync().map_err(|error| io_error("sync", &path, error))?;
        install(directory, &header).inspect_err(|_| {
            let sequence = header.first_sequence;
            for name in [&segment::name(sequence), &files::name(sequence - 1), manifest::NAME] {
                segment::discard(directory, name);
            }
        })?;
        Ok(restored)
    });
    if restored.is_err() {
        // Half a snapshot is of no use to anybody.
        segment::discard(directory, files::UNFINISHED);
        segment::discard_unfinished(directory);
    }
    restored
}

/// Makes a log of a snapshot that is whole and durable, without its name. Any of the names alone, or two of the three,
/// are no log that a start would take.
fn install(directory: &dyn Directory, snapshot: &Header) -> Result<(), LogError> {
    // The first write makes a segment of the configured size of it.
    let segment = Header { salt: rand::rng().random(), length: (HEADER + BATCH_HEADER) as u64, ..*snapshot };
    segment::prepare(directory, &segment)?;
    manifest::write(directory, &segment)?;
    let path = directory.path().join(files::UNFINISHED);
    directory
        .rename(files::UNFINISHED, &files::name(snapshot.first_sequence - 1))
        .map_err(|source| io_error("rename", &path, source))?;
    segment::put_in_place(directory, &segment)?;
    directory.sync().map_err(|source| io_error("sync the log directory", directory.path(), source))
}

/// Copies and checks; returns what was read, and the header of the new log's snapshot.
fn copy(file: &dyn LogFile, source: impl Read) -> Result<(Restored, Header), RestoreError> {
    let damaged = |damage: Damage| RestoreError::Damaged { reason: damage.to_string() };
    let mut decoder = Decoder::new(Tee { source, file, offset: 0 }).map_err(damaged)?;
    let sequence = decoder.header.first_sequence - 1;
    let (mut keys, mut hash) = (0, StateHash::default());
    let expected = loop {
        match decoder.next().map_err(damaged)? {
            Part::Entries(entries) => entries.iter().for_each(|entry| keys += files::add(&mut hash, entry)),
            Part::End(expected) => break expected,
        }
    };
    if hash != expected {
        let reason = format!("its state has the hash {hash}, and {expected} was written");
        return Err(RestoreError::Damaged { reason });
    }
    let goes_on_behind = sequence + LEFT_OUT;
    if goes_on_behind >= MAX_SEQUENCE {
        let reason = format!("at byte 0, its sequence {sequence} leaves none to go on with");
        return Err(RestoreError::Damaged { reason });
    }
    let store_id = rand::rng().random();
    let header = Header { store_id, first_sequence: goes_on_behind + 1, ..decoder.header };
    Ok((Restored { sequence, goes_on_behind, keys, hash }, header))
}

/// Writes what is read, all but the header, whose place is left free.
struct Tee<'a, R> {
    source: R,
    file: &'a dyn LogFile,
    offset: u64,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let free = usize::try_from((HEADER as u64).saturating_sub(self.offset)).unwrap_or(HEADER).min(read);
        self.file.write_at(&buffer[free..read], self.offset + free as u64)?;
        self.offset += read as u64;
        Ok(read)
    }
}
