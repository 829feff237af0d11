//! Looking for all damage of a log, behind the first one as well: what `check` lists. Nothing is changed.

use std::{path::Path, sync::Arc};

use super::{
    Directory,
    check::check_in,
    disk::DiskDirectory,
    error::{corrupt, io},
    format::{BATCH_HEADER, Frame, HEADER, follows},
    manifest,
    recovery::{self, Window, find, same_store},
    segment::{self, Segment},
    snapshot::files,
};
use crate::LogError;

/// How many damages are listed at most.
const MOST: usize = 100;

/// All damage of the log in `directory`, at most a hundred places, the one that a start is refused for first; none in a
/// log that is whole. A torn tail, which a start cuts off, is none. Fails where files can't be read.
pub fn damage(directory: &Path) -> Result<Vec<LogError>, LogError> {
    damage_in(&(Arc::new(DiskDirectory::lock(directory)?) as Arc<dyn Directory>))
}

/// Like [`damage`](damage()), in a directory of any kind. The caller sees to it that nobody else writes there.
pub fn damage_in(directory: &Arc<dyn Directory>) -> Result<Vec<LogError>, LogError> {
    let Err(first) = check_in(directory, u64::MAX, &mut |_| Ok(())) else { return Ok(Vec::new()) };
    if !first.is_damage() {
        return Err(first);
    }
    let store_id = recovery::store_id(&**directory)?;
    let mut survey = Survey { directory: &**directory, found: vec![first], store_id };
    survey.manifest()?;
    survey.segments()?;
    survey.snapshots()?;
    Ok(survey.found)
}

struct Survey<'a> {
    directory: &'a dyn Directory,
    found: Vec<LogError>,
    /// Whose log it is.
    store_id: Option<[u8; 16]>,
}

impl Survey<'_> {
    /// Takes note of a damage; gives back what is none.
    fn note(&mut self, error: LogError) -> Result<(), LogError> {
        if !error.is_damage() {
            return Err(error);
        }
        let known = self.found.iter().any(|found| found.place() == error.place());
        if !known && self.found.len() < MOST {
            self.found.push(error);
        }
        Ok(())
    }

    fn manifest(&mut self) -> Result<(), LogError> {
        match manifest::read(self.directory) {
            Ok(Some(named)) => {
                if let Err(error) = self.same_store(manifest::NAME, named.store_id) {
                    self.note(error)?;
                }
                if !segment::list(self.directory)?.contains(&named.first_sequence) {
                    self.note(manifest::missing_newest(self.directory, &named))?;
                }
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => self.note(error),
        }
    }

    fn snapshots(&mut self) -> Result<(), LogError> {
        for sequence in files::list(self.directory)? {
            let read = files::verify(self.directory, sequence, &mut |_| Ok(()))
                .and_then(|_| files::open(self.directory, sequence))
                .and_then(|(decoder, _)| self.same_store(&files::name(sequence), decoder.store_id()));
            if let Err(error) = read {
                self.note(error)?;
            }
        }
        Ok(())
    }

    fn segments(&mut self) -> Result<(), LogError> {
        let firsts = segment::list(self.directory)?;
        let begins = files::list(self.directory)?.last().map_or(1, |sequence| sequence + 1);
        // What the next segment has to begin with, where the one before is whole to its end.
        let mut expected = None;
        for (at, first) in firsts.iter().enumerate() {
            let segment = match Segment::open(self.directory, *first) {
                Ok(segment) => segment,
                Err(error) => {
                    self.note(error)?;
                    expected = None;
                    continue;
                }
            };
            if let Err(error) = self.same_store(&segment.name, segment.header.store_id) {
                self.note(error)?;
            }
            if let Some(expected) = expected.filter(|expected| expected != first) {
                let file = self.directory.path().join(&segment.name);
                self.note(LogError::Gap { file, offset: 0, expected, found: *first })?;
            }
            let newest = at + 1 == firsts.len();
            if newest && recovery::scan(self.directory, &segment, begins).is_ok() {
                return Ok(());
            }
            expected = self.batches(&segment)?;
        }
        Ok(())
    }

    /// Reads on behind each damage; returns the sequence that comes next, where the segment is whole at its end.
    fn batches(&mut self, segment: &Segment) -> Result<Option<u64>, LogError> {
        let path = self.directory.path().join(&segment.name);
        let read = |source| io("read", &path, source);
        let mut window = Window::new(segment);
        let (mut position, mut next) = (HEADER as u64, segment.header.first_sequence);
        loop {
            let reason = match window.frame(position).map_err(read)? {
                Frame::Batch(batch) => {
                    if batch.first_sequence != next {
                        let (expected, found) = (next, batch.first_sequence);
                        self.note(LogError::Gap { file: path.clone(), offset: position, expected, found })?;
                    }
                    next = batch.first_sequence + u64::from(batch.count);
                    position += (BATCH_HEADER + batch.payload) as u64;
                    continue;
                }
                Frame::End if window.zeros(position).map_err(read)? => return Ok(Some(next)),
                Frame::End => "zeros stand where a batch should",
                Frame::Bad(reason) => reason,
                Frame::Partial(_) => "a batch is cut off by the end of the file",
            };
            self.note(corrupt(self.directory, &segment.name, position, reason))?;
            let behind = find(&mut window, position, next, follows).map_err(read)?;
            let Some(behind) = behind.filter(|_| self.found.len() < MOST) else { return Ok(None) };
            position = behind;
            if let Frame::Batch(batch) = window.frame(position).map_err(read)? {
                next = batch.first_sequence;
            }
        }
    }

    fn same_store(&self, name: &str, found: [u8; 16]) -> Result<(), LogError> {
        same_store(self.directory, name, self.store_id == Some(found))
    }
}
