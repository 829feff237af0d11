//! Segment files by name: `SEQUENCE.log`, where the sequence is of the first record in it, in 20 digits.

use rand::Rng;

use super::{
    Directory, LogFile,
    error::{corrupt, io},
    format::{HEADER, Header, HeaderError, Kind, VERSION},
};
use crate::LogError;

pub(super) const SUFFIX: &str = ".log";
/// The name of a segment that is being made. What has it at a start was never part of the log.
const UNFINISHED: &str = "next.log.unfinished";

/// A segment that is open.
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) file: Box<dyn LogFile>,
    pub(super) header: Header,
    /// The file's length, in bytes.
    pub(super) length: u64,
}

/// The first sequences of all segments, in order.
pub(super) fn list(directory: &dyn Directory) -> Result<Vec<u64>, LogError> {
    list_with(directory, SUFFIX)
}

/// The sequences in the names of all files with this suffix, in order.
pub(super) fn list_with(directory: &dyn Directory, suffix: &str) -> Result<Vec<u64>, LogError> {
    let names = directory.list().map_err(|source| io("list the log directory", directory.path(), source))?;
    let mut sequences: Vec<u64> = names.iter().filter_map(|name| parse(name, suffix)).collect();
    sequences.sort_unstable();
    Ok(sequences)
}

impl Segment {
    /// Opens the segment that begins at `first_sequence` and checks its header.
    pub(super) fn open(directory: &dyn Directory, first_sequence: u64) -> Result<Self, LogError> {
        let name = name(first_sequence);
        let path = directory.path().join(&name);
        let file = directory.open(&name).map_err(|source| io("open", &path, source))?;
        let length = file.length().map_err(|source| io("read the length of", &path, source))?;
        let mut bytes = [0; HEADER];
        let read = file.read_at(&mut bytes, 0).map_err(|source| io("read", &path, source))?;
        let header = match Header::decode(&bytes[..read], Kind::Segment) {
            Ok(header) => header,
            Err(HeaderError::Corrupt(reason)) => return Err(corrupt(directory, &name, 0, reason)),
            Err(HeaderError::ForeignVersion(found)) => {
                return Err(LogError::ForeignVersion { file: path, found, supported: VERSION });
            }
        };
        if header.first_sequence != first_sequence {
            let found = header.first_sequence;
            return Err(LogError::Gap { file: path, offset: 0, expected: first_sequence, found });
        }
        Ok(Self { name, file, header, length })
    }

    /// Makes a segment of `length` bytes that begins at `first_sequence`. It has its name only when it is whole and
    /// durable, so that a crash leaves either all of it or nothing. After an error of kind `Io` it is not there.
    pub(super) fn create(
        directory: &dyn Directory,
        store_id: [u8; 16],
        first_sequence: u64,
        length: u64,
    ) -> Result<Self, LogError> {
        let header = Header { salt: rand::rng().random(), store_id, first_sequence };
        let unfinished = directory.path().join(UNFINISHED);
        let file = directory.create(UNFINISHED).map_err(|source| io("create", &unfinished, source))?;
        let filled = file
            .allocate(length)
            .and_then(|()| file.write_at(&header.encode(Kind::Segment), 0))
            .and_then(|()| file.sync())
            .map_err(|source| io("allocate", &unfinished, source));
        let name = name(first_sequence);
        let named = filled.and_then(|()| {
            directory.rename(UNFINISHED, &name).map_err(|source| io("rename", &unfinished, source))
        });
        if let Err(error) = named {
            discard_unfinished(directory);
            return Err(error);
        }
        // From here on it may or may not be there after a crash, so there is no way back to the old segment.
        directory.sync().map_err(|source| LogError::Failed {
            message: format!("can't sync {}: {source}", directory.path().display()),
        })?;
        Ok(Self { name, file, header, length })
    }
}

/// Removes what an interrupted creation left, to give back its room.
pub(super) fn discard_unfinished(directory: &dyn Directory) {
    match directory.remove(UNFINISHED) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, file = UNFINISHED, "Could not remove an unfinished segment.");
        }
        _ => {}
    }
}

pub(super) fn name(first_sequence: u64) -> String {
    format!("{first_sequence:020}{SUFFIX}")
}

/// The first sequence of the segment of this name; `None` when it is no segment's.
pub(super) fn first_of(name: &str) -> Option<u64> {
    parse(name, SUFFIX)
}

fn parse(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    if digits.len() == 20 { digits.parse().ok() } else { None }
}
