//! Cutting a torn tail: what a write left that the log never vouched for. A copy is kept for whoever wants to look.

use std::io;

use crate::{
    LogError,
    file_log::{
        Directory, LogFile,
        error::{io, is_full},
        segment::Segment,
    },
};

/// How much is copied at a time, in bytes.
const STEP: usize = 1 << 20;

/// What is wrong with the end of a segment.
pub(super) struct Torn {
    /// Where it begins, in bytes.
    pub(super) offset: u64,
    /// The sequence that the log goes on with.
    pub(super) next_sequence: u64,
    /// What is wrong there.
    pub(super) reason: &'static str,
}

/// Copies the tail and gives the segment its zeros again. The file keeps its length, which tells a segment whose end is
/// lost from this one.
pub(super) fn cut(directory: &dyn Directory, segment: &mut Segment, torn: &Torn) -> Result<(), LogError> {
    let path = directory.path().join(&segment.name);
    let kept = copy(directory, segment, torn.offset)?;
    tracing::warn!(
        file = %path.display(),
        offset = torn.offset,
        next_sequence = torn.next_sequence,
        reason = torn.reason,
        copy = kept.as_deref().unwrap_or("none, for lack of room"),
        "Cut a torn tail off the log. It was never acknowledged as durable.",
    );
    segment.file.clear(torn.offset).map_err(|source| io("clear", &path, source))?;
    match segment.file.allocate(segment.length) {
        Ok(()) => {}
        // The log can still be read; the first write asks for a new segment.
        Err(error) if is_full(&error) => segment.length = torn.offset,
        Err(source) => return Err(io("allocate", &path, source)),
    }
    segment.file.sync().map_err(|source| io("sync", &path, source))
}

/// Copies what is behind `offset`, without its trailing zeros. Returns the copy's name; none when there is no room
/// for it, since a full volume must not keep the log from being read.
fn copy(directory: &dyn Directory, segment: &Segment, offset: u64) -> Result<Option<String>, LogError> {
    let names = directory.list().map_err(|source| io("list the log directory", directory.path(), source))?;
    let first = format!("{}.torn-{offset}", segment.name);
    let mut name = first.clone();
    let mut count = 1;
    while names.contains(&name) {
        count += 1;
        name = format!("{first}-{count}");
    }
    let path = directory.path().join(&name);
    let target = directory.create(&name).map_err(|source| io("create", &path, source));
    let copied = target.and_then(|target| {
        copy_bytes(segment, offset, &*target).map_err(|source| io("copy the torn tail to", &path, source))
    });
    match copied {
        Ok(()) => {
            directory.sync().map_err(|source| io("sync the log directory", directory.path(), source))?;
            Ok(Some(name))
        }
        Err(LogError::Io { source, .. }) if is_full(&source) => {
            // Half a copy would only take room.
            let _ = directory.remove(&name);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn copy_bytes(segment: &Segment, offset: u64, target: &dyn LogFile) -> io::Result<()> {
    let mut bytes = vec![0; STEP];
    let mut at = offset;
    loop {
        let read = segment.file.read_at(&mut bytes, at)?;
        if read == 0 {
            return target.sync();
        }
        // A stretch of zeros is left out: the end of the copy, or a hole in it, reads the same.
        if let Some(last) = bytes[..read].iter().rposition(|byte| *byte != 0) {
            target.write_at(&bytes[..=last], at - offset)?;
        }
        at += read as u64;
    }
}
