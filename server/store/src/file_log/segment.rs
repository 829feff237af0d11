//! Segment files by name: `SEQUENCE.log`, where the sequence is of the first record in it, in 20 digits.

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
    let mut sequences: Vec<u64> = names.iter().filter_map(|name| sequence_in(name, suffix)).collect();
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
        let header = read_header(directory, &name, &*file, Kind::Segment)?;
        if header.first_sequence != first_sequence {
            let found = header.first_sequence;
            return Err(LogError::Gap { file: path, offset: 0, expected: first_sequence, found });
        }
        Ok(Self { name, file, header, length })
    }
}

/// Writes a segment without records under the name of one that is being made, durably.
pub(super) fn prepare(directory: &dyn Directory, header: &Header) -> Result<Box<dyn LogFile>, LogError> {
    let path = directory.path().join(UNFINISHED);
    let file = directory.create(UNFINISHED).map_err(|source| io("create", &path, source))?;
    file.allocate(header.length)
        .and_then(|()| file.write_at(&header.encode(Kind::Segment), 0))
        .and_then(|()| file.sync())
        .map_err(|source| io("allocate", &path, source))?;
    Ok(file)
}

/// Gives what was prepared its name. The caller syncs the directory.
pub(super) fn put_in_place(directory: &dyn Directory, header: &Header) -> Result<(), LogError> {
    let unfinished = directory.path().join(UNFINISHED);
    let renamed = directory.rename(UNFINISHED, &name(header.first_sequence));
    renamed.map_err(|source| io("rename", &unfinished, source))
}

/// Reads the header that a file begins with.
pub(super) fn read_header(
    directory: &dyn Directory,
    name: &str,
    file: &dyn LogFile,
    kind: Kind,
) -> Result<Header, LogError> {
    let path = directory.path().join(name);
    let mut bytes = [0; HEADER];
    let read = file.read_at(&mut bytes, 0).map_err(|source| io("read", &path, source))?;
    Header::decode(&bytes[..read], kind).map_err(|error| match error {
        HeaderError::Corrupt(reason) => corrupt(directory, name, 0, reason),
        HeaderError::ForeignVersion(found) => {
            LogError::ForeignVersion { file: path, found, supported: VERSION }
        }
    })
}

/// Removes a segment that was not made to its end.
pub(super) fn discard_unfinished(directory: &dyn Directory) {
    discard(directory, UNFINISHED);
}

/// Removes a file that is no part of the log, if it is there.
pub(super) fn discard(directory: &dyn Directory, name: &str) {
    match directory.remove(name) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, file = name, "Could not remove an unfinished file of the log.");
        }
        _ => {}
    }
}

pub(super) fn name(first_sequence: u64) -> String {
    format!("{first_sequence:020}{SUFFIX}")
}

/// The first sequence of the segment of this name; `None` when it is no segment's.
pub(super) fn first_of(name: &str) -> Option<u64> {
    sequence_in(name, SUFFIX)
}

/// The sequence in a name with this suffix.
pub(super) fn sequence_in(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    if digits.len() == 20 { digits.parse().ok() } else { None }
}
