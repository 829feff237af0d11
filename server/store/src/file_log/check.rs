//! Looking at a log that no server has open: every byte of it is read and checked, and nothing is changed.

use std::{path::Path, sync::Arc};

use super::{
    Directory,
    disk::DiskDirectory,
    error::corrupt,
    reader::Reader,
    recovery, restore,
    segment::{self, Segment},
    snapshot::{Part, files},
};
use crate::{LogEntry, LogError, StateHash};

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

/// Reads all of the log in `directory`, giving each entry behind `after` to `entry`, those of the snapshot first.
pub fn check(
    directory: &Path,
    after: u64,
    entry: &mut dyn FnMut(LogEntry) -> Result<(), LogError>,
) -> Result<Report, LogError> {
    check_in(&(Arc::new(DiskDirectory::lock(directory)?) as Arc<dyn Directory>), after, entry)
}

pub(super) fn check_in(
    directory: &Arc<dyn Directory>,
    after: u64,
    entry: &mut dyn FnMut(LogEntry) -> Result<(), LogError>,
) -> Result<Report, LogError> {
    let mut report = Report::default();
    if let Some(&sequence) = files::list(&**directory)?.last() {
        let mut give = |found: LogEntry| if sequence > after { entry(found) } else { Ok(()) };
        report.snapshot = sequence;
        report.snapshot_keys = snapshot(&**directory, sequence, &mut give)?;
    }
    report.segments = segment::list(&**directory)?;
    report.tail = report.snapshot;
    let Some(&last) = report.segments.last() else { return Ok(report) };
    let segment = Segment::open(&**directory, last)?;
    let scan = recovery::scan(&**directory, &segment, report.snapshot + 1)?;
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

/// Reads the snapshot at a sequence; returns how many keys it has.
fn snapshot(
    directory: &dyn Directory,
    sequence: u64,
    entry: &mut dyn FnMut(LogEntry) -> Result<(), LogError>,
) -> Result<u64, LogError> {
    let (mut decoder, _) = files::open(directory, sequence)?;
    let name = files::name(sequence);
    let (mut keys, mut hash) = (0, StateHash::default());
    loop {
        match decoder.next().map_err(|damage| files::error(directory, &name, damage))? {
            Part::Entries(entries) => {
                for found in entries {
                    keys += restore::add(&mut hash, &found);
                    entry(found)?;
                }
            }
            Part::End(expected) if expected == hash => return Ok(keys),
            Part::End(expected) => {
                let reason = format!("its state has the hash {hash}, and {expected} was written");
                return Err(corrupt(directory, &name, 0, reason));
            }
        }
    }
}
