//! The manifest: a copy of the newest segment's header in a file of its own, so that a log whose last files are lost is
//! told from one that ends there. It is written when a segment is begun and never with a write.
//!
//! What may find the volume full is done before the segment has its name; the manifest gets its own only when that name
//! is durable, and no record is written before. So the newest segment that is there is either the one that the manifest
//! names, or, behind a crash between the two names, a later one.

use std::io;

use super::{
    Directory,
    error::{corrupt, io as io_error},
    format::{Header, Kind},
    segment::{self, Segment},
};
use crate::LogError;

pub(super) const NAME: &str = "MANIFEST";
/// The name of a manifest that is being made. What has it at a start was never part of the log.
const UNFINISHED: &str = "MANIFEST.unfinished";

/// What a manifest says of the newest segment that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It names this one.
    Named,
    /// It is to be written: it is of the segment before, or there was none when the log was begun.
    Behind,
}

/// The header of the newest segment as the manifest has it; none without a manifest.
pub(super) fn read(directory: &dyn Directory) -> Result<Option<Header>, LogError> {
    match directory.open(NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("open", &directory.path().join(NAME), source)),
        Ok(file) => segment::read_header(directory, NAME, &*file, Kind::Manifest).map(Some),
    }
}

/// Compares the manifest with the newest segment that is there. `begun` says that it is the first one of a log that
/// nothing was written to so far.
pub(super) fn compare(
    directory: &dyn Directory,
    manifest: Option<&Header>,
    newest: &Segment,
    begun: bool,
) -> Result<Word, LogError> {
    let found = &newest.header;
    let Some(named) = manifest else {
        // A log from before there were manifests gets one now.
        if begun || found.length == 0 {
            return Ok(Word::Behind);
        }
        return Err(missing_itself(directory));
    };
    if named.first_sequence > found.first_sequence {
        return Err(missing_newest(directory, named));
    }
    if named.first_sequence < found.first_sequence {
        return Ok(Word::Behind);
    }
    if (named.salt, named.store_id) != (found.salt, found.store_id) {
        let reason = format!("it is not the segment of this name that {NAME} tells of");
        return Err(corrupt(directory, &newest.name, 0, reason));
    }
    Ok(Word::Named)
}

/// The newest segment is not there.
pub(super) fn missing_newest(directory: &dyn Directory, named: &Header) -> LogError {
    let file = directory.path().join(segment::name(named.first_sequence));
    LogError::Missing { file, reason: format!("{NAME} names it as the newest segment of the log") }
}

fn missing_itself(directory: &dyn Directory) -> LogError {
    let reason = "it tells which segment is the newest, so nobody knows whether one is lost".to_owned();
    LogError::Missing { file: directory.path().join(NAME), reason }
}

/// Writes the next manifest beside this one, durably.
pub(super) fn prepare(directory: &dyn Directory, newest: &Header) -> Result<(), LogError> {
    let path = directory.path().join(UNFINISHED);
    let file = directory.create(UNFINISHED).map_err(|source| io_error("create", &path, source))?;
    file.write_at(&newest.encode(Kind::Manifest), 0)
        .and_then(|()| file.sync())
        .map_err(|source| io_error("write", &path, source))
}

/// Puts what was prepared in its place, durably. The segment's own name has to be durable before.
pub(super) fn install(directory: &dyn Directory) -> Result<(), LogError> {
    let path = directory.path().join(UNFINISHED);
    directory.rename(UNFINISHED, NAME).map_err(|source| io_error("rename", &path, source))?;
    directory.sync().map_err(|source| io_error("sync the log directory", directory.path(), source))
}

/// Makes a segment that is there, durably, the one that the manifest names.
pub(super) fn write(directory: &dyn Directory, newest: &Header) -> Result<(), LogError> {
    prepare(directory, newest)?;
    install(directory)
}

/// Removes what an interrupted write left.
pub(super) fn discard_unfinished(directory: &dyn Directory) {
    segment::discard(directory, UNFINISHED);
}
