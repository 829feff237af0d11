//! Looking at a log that no server has open: everything that a start reads is read and checked, and nothing is changed.
//! It says what a start would say.

use std::{path::Path, sync::Arc};

use super::{
    Directory,
    disk::DiskDirectory,
    reader::Reader,
    recovery::{self, Found},
    segment,
    snapshot::files,
};
use crate::{LogEntry, LogError};

/// What was found in a whole log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The sequence of the snapshot that it begins with; 0 without one.
    pub snapshot: u64,
    /// The keys in that snapshot.
    pub snapshot_keys: u64,
    /// The first sequences of the segments.
    pub segments: Vec<u64>,
    /// The records in them that the snapshot does not cover.
    pub records: u64,
    /// The sequence of the last record.
    pub tail: u64,
    /// A torn tail, which the next start cuts off: its file, its offset in bytes, and what is wrong there. It was never
    /// acknowledged as durable.
    pub torn: Option<(String, u64, &'static str)>,
}

/// Reads all of the log in `directory`, giving each entry behind `after` to `entry`, those of the snapshot first. Fails
/// with the damage that a start would be refused for; [`damage`](super::damage()) tells what else there is.
pub fn check(
    directory: &Path,
    after: u64,
    entry: &mut dyn FnMut(LogEntry) -> Result<(), LogError>,
) -> Result<Report, LogError> {
    check_in(&(Arc::new(DiskDirectory::lock(directory)?) as Arc<dyn Directory>), after, entry)
}

/// Like [`check`], in a directory of any kind. The caller sees to it that nobody else writes there.
pub fn check_in(
    directory: &Arc<dyn Directory>,
    after: u64,
    entry: &mut dyn FnMut(LogEntry) -> Result<(), LogError>,
) -> Result<Report, LogError> {
    let mut report = Report::default();
    let Some(Found { snapshot, segment, scan, .. }) = recovery::look(&**directory)? else {
        return Ok(report);
    };
    if let Some(sequence) = snapshot.map(|snapshot| snapshot.sequence) {
        let mut give = |found: LogEntry| if sequence > after { entry(found) } else { Ok(()) };
        report.snapshot = sequence;
        report.snapshot_keys = files::verify(&**directory, sequence, &mut give)?;
    }
    report.segments = segment::list(&**directory)?;
    report.torn = scan.bad.map(|reason| (segment.name.clone(), scan.position, reason));
    report.tail = scan.next_sequence - 1;
    let mut reader = Reader::new(Arc::clone(directory), report.snapshot);
    loop {
        let entries = reader.read(report.tail)?;
        if entries.is_empty() {
            return Ok(report);
        }
        report.records += entries.len() as u64;
        for found in entries.into_iter().filter(|found| found.sequence > after) {
            entry(found)?;
        }
    }
}
