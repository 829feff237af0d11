//! A new log from the snapshot of another one, and from what that one's log says behind it: what a copy of a store, or a
//! backup, is made of again.
//!
//! A restore may be interrupted at any step: what it leaves is marked ([`half`]), so that no start takes it for a log, and
//! the next restore begins anew.

mod batches;
pub(super) mod half;
mod merged;

use std::{io::Read, path::Path};

use rand::Rng;

use self::{batches::Batches, merged::Merged};
use super::{
    Directory,
    disk::DiskDirectory,
    error::io as io_error,
    format::{BATCH_HEADER, HEADER, Header, Kind, MAX_SEQUENCE},
    framed::Damage,
    later::Later,
    manifest, segment,
    snapshot::{Decoder, files},
};
use crate::{LogError, StateHash};

/// How many sequences are left out behind what is restored. The store that it was taken from went on, and its clients hold
/// revisions of what it wrote then, as entity tags and as places in a watch: none of them may come again.
const LEFT_OUT: u64 = 1 << 32;

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The sequence whose state it is.
    pub sequence: u64,
    /// The sequence behind which the new log goes on.
    pub goes_on_behind: u64,
    /// How many keys it holds.
    pub keys: u64,
    /// The hash of their state.
    pub hash: StateHash,
}

/// What a directory holds of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Nothing: a log can be begun or restored there.
    Nothing,
    /// What an interrupted restore left, which the next one clears.
    HalfRestored,
    /// A log, whole or not.
    Log,
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
    /// What is to be laid over it does not begin where it ends.
    #[error(
        "the snapshot is of sequence {sequence}, and the entries to restore with it go on behind {behind}; nothing was \
         restored"
    )]
    Apart {
        /// The snapshot's.
        sequence: u64,
        /// The entries'.
        behind: u64,
    },
    /// A file can't be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<Damage> for RestoreError {
    fn from(damage: Damage) -> Self {
        Self::Damaged { reason: damage.to_string() }
    }
}

/// Makes a new log in `directory`, which has none, of a snapshot as [`SnapshotEncoder`](super::SnapshotEncoder) writes
/// it, with what came `later` laid over it. It is checked to its end before it is part of a log.
pub fn restore(directory: &Path, source: impl Read, later: Option<Later>) -> Result<Restored, RestoreError> {
    restore_in(&DiskDirectory::lock(directory)?, source, later)
}

/// Looks what there is in `directory`, which is made when it is missing.
pub fn presence(directory: &Path) -> Result<Presence, LogError> {
    presence_in(&DiskDirectory::lock(directory)?)
}

fn presence_in(directory: &dyn Directory) -> Result<Presence, LogError> {
    if half::is_marked(directory)? {
        return Ok(Presence::HalfRestored);
    }
    let nothing = segment::list(directory)?.is_empty()
        && files::list(directory)?.is_empty()
        && manifest::read(directory).is_ok_and(|manifest| manifest.is_none());
    Ok(if nothing { Presence::Nothing } else { Presence::Log })
}

/// Like [`restore`], in a directory of any kind. The caller sees to it that nobody else writes there.
pub fn restore_in(
    directory: &dyn Directory,
    source: impl Read,
    later: Option<Later>,
) -> Result<Restored, RestoreError> {
    match presence_in(directory)? {
        Presence::Log => {
            return Err(RestoreError::NotEmpty { directory: directory.path().display().to_string() });
        }
        Presence::HalfRestored => half::clear(directory)?,
        Presence::Nothing => {}
    }
    let restored = half::mark(directory).map_err(RestoreError::from).and_then(|()| {
        let restored = write(directory, source, later)?;
        half::unmark(directory)?;
        Ok(restored)
    });
    if restored.is_err()
        && let Err(error) = half::clear(directory).and_then(|()| half::unmark(directory))
    {
        // The mark tells the next restore.
        tracing::warn!(%error, "Could not remove what an interrupted restore left.");
    }
    restored
}

fn write(
    directory: &dyn Directory,
    source: impl Read,
    later: Option<Later>,
) -> Result<Restored, RestoreError> {
    let decoder = Decoder::new(source)?;
    let sequence = decoder.sequence();
    let later = later.unwrap_or_else(|| Later::behind(sequence));
    if later.begins_behind() != sequence {
        return Err(RestoreError::Apart { sequence, behind: later.begins_behind() });
    }
    let sequence = later.last();
    let goes_on_behind = sequence + LEFT_OUT;
    if goes_on_behind >= MAX_SEQUENCE {
        let reason = format!("at byte 0, its sequence {sequence} leaves none to go on with");
        return Err(RestoreError::Damaged { reason });
    }
    let (salt, store_id) = (rand::rng().random(), rand::rng().random());
    let header = Header { salt, store_id, first_sequence: goes_on_behind + 1, length: 0 };
    let path = directory.path().join(files::UNFINISHED);
    let file = directory.create(files::UNFINISHED).map_err(|source| io_error("create", &path, source))?;
    let mut batches = Batches::new(&*file, &path, salt);
    let mut merged = Merged::new(decoder, later);
    while let Some(entries) = merged.next()? {
        batches.add(&entries)?;
    }
    batches.add(&merged.rest())?;
    let (keys, hash) = batches.end()?;
    file.write_at(&header.encode(Kind::Snapshot), 0).map_err(|error| io_error("write", &path, error))?;
    file.sync().map_err(|error| io_error("sync", &path, error))?;
    install(directory, &header)?;
    Ok(Restored { sequence, goes_on_behind, keys, hash })
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
