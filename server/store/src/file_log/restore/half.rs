//! A mark beside what a restore makes, there from its first step to its last: what is found with it is no log, and the next
//! restore clears it.

use std::io;

use crate::{
    LogError,
    file_log::{Directory, begin, error::io as io_error, manifest, segment, snapshot::files},
};

const MARK: &str = "RESTORE.unfinished";

/// Whether a restore was interrupted here.
pub(in crate::file_log) fn is_marked(directory: &dyn Directory) -> Result<bool, LogError> {
    match directory.open(MARK) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(io_error("open", &directory.path().join(MARK), source)),
    }
}

/// Refuses what an interrupted restore left.
pub(in crate::file_log) fn refuse(directory: &dyn Directory) -> Result<(), LogError> {
    if is_marked(directory)? {
        return Err(LogError::HalfRestored { directory: directory.path().to_owned() });
    }
    Ok(())
}

/// Sets the mark, durably, before anything else is written.
pub(super) fn mark(directory: &dyn Directory) -> Result<(), LogError> {
    let path = directory.path().join(MARK);
    directory.create(MARK).map_err(|source| io_error("create", &path, source))?;
    sync(directory)
}

/// Takes the mark away, durably, behind everything else.
pub(super) fn unmark(directory: &dyn Directory) -> Result<(), LogError> {
    let path = directory.path().join(MARK);
    match directory.remove(MARK) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &path, source)),
        _ => sync(directory),
    }
}

/// Removes what a restore left that came to nothing; the mark stays.
pub(super) fn clear(directory: &dyn Directory) -> Result<(), LogError> {
    let mut names = vec![files::UNFINISHED.to_owned(), manifest::NAME.to_owned()];
    names.extend(segment::list(directory)?.into_iter().map(segment::name));
    names.extend(files::list(directory)?.into_iter().map(files::name));
    for name in names {
        match directory.remove(&name) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &directory.path().join(name), source));
            }
            _ => {}
        }
    }
    begin::discard_unfinished(directory);
    sync(directory)
}

fn sync(directory: &dyn Directory) -> Result<(), LogError> {
    directory.sync().map_err(|source| io_error("sync the log directory", directory.path(), source))
}
