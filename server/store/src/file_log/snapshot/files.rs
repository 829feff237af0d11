//! Snapshot files by name: `SEQUENCE.snapshot`, where the sequence is the one that the log goes on behind, in 20 digits.
//! One that is being made, and the room held for it, has a name of its own.

use std::io::{self, Read};

use super::{Decoder, Part, hashed};
use crate::{
    Damage, LogEntry, LogError, StateHash,
    file_log::{
        Directory, LogFile,
        error::{corrupt, io},
        format::VERSION,
        segment,
    },
};

const SUFFIX: &str = ".snapshot";
/// The name of the room held for the next snapshot, and of that snapshot until it is whole. What has it at a start was
/// never part of the log.
pub(in crate::file_log) const UNFINISHED: &str = "next.snapshot.unfinished";

/// The sequences of all snapshots, in order.
pub(in crate::file_log) fn list(directory: &dyn Directory) -> Result<Vec<u64>, LogError> {
    segment::list_with(directory, SUFFIX)
}

pub(in crate::file_log) fn name(sequence: u64) -> String {
    format!("{sequence:020}{SUFFIX}")
}

/// The sequence of the snapshot of this name; `None` when it is no snapshot's.
pub(in crate::file_log) fn sequence_of(name: &str) -> Option<u64> {
    segment::sequence_in(name, SUFFIX)
}

/// Opens the snapshot at a sequence and checks its header. Returns its length as well, in bytes.
pub(in crate::file_log) fn open(
    directory: &dyn Directory,
    sequence: u64,
) -> Result<(Decoder<FileReader>, u64), LogError> {
    let name = name(sequence);
    let path = directory.path().join(&name);
    let file = directory.open(&name).map_err(|source| io("open", &path, source))?;
    let length = file.length().map_err(|source| io("read the length of", &path, source))?;
    let decoder =
        Decoder::new(FileReader { file, offset: 0 }).map_err(|damage| error(directory, &name, damage))?;
    if decoder.sequence() != sequence {
        return Err(corrupt(directory, &name, 0, "its name is that of another snapshot"));
    }
    Ok((decoder, length))
}

/// Reads all of the snapshot at a sequence, giving out its entries; returns how many keys it has.
pub(in crate::file_log) fn verify(
    directory: &dyn Directory,
    sequence: u64,
    entry: &mut dyn FnMut(LogEntry) -> Result<(), LogError>,
) -> Result<u64, LogError> {
    let (mut decoder, _) = open(directory, sequence)?;
    let name = name(sequence);
    let (mut keys, mut hash) = (0, StateHash::default());
    loop {
        match decoder.next().map_err(|damage| error(directory, &name, damage))? {
            Part::Entries(entries) => {
                for found in entries {
                    keys += hashed::add(&mut hash, &found);
                    entry(found)?;
                }
            }
            Part::End(expected) if expected == hash => return Ok(keys),
            Part::End(expected) => {
                return Err(error(directory, &name, Damage::Hash { found: hash, expected }));
            }
        }
    }
}

/// What damage of a snapshot file is told as.
pub(in crate::file_log) fn error(directory: &dyn Directory, name: &str, damage: Damage) -> LogError {
    let file = directory.path().join(name);
    match damage {
        Damage::Corrupt { offset, reason } => corrupt(directory, name, offset, reason),
        damage @ Damage::Hash { .. } => corrupt(directory, name, 0, damage.to_string()),
        Damage::ForeignVersion(found) => LogError::ForeignVersion { file, found, supported: VERSION },
        Damage::Io(source) => io("read", &file, source),
    }
}

/// A file from its start on.
pub(in crate::file_log) struct FileReader {
    file: Box<dyn LogFile>,
    offset: u64,
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
