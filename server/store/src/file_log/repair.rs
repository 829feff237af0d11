//! Making a damaged log one that opens again, at the price of everything behind the damage. Every byte that is taken out
//! of the log is kept beside it.

use std::{io, path::Path, sync::Arc};

use rand::Rng;

use super::{
    Directory, LogFile,
    check::{Report, check_in},
    disk::DiskDirectory,
    error::io as io_error,
    format::{BATCH_HEADER, Frame, HEADER, Header},
    manifest,
    recovery::{self, Window},
    segment::{self, Segment},
    snapshot::files,
};
use crate::LogError;

/// What a file is called that was taken out of the log.
const DAMAGED: &str = ".damaged";
/// How much is copied at a time, in bytes.
const STEP: usize = 1 << 20;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The damage, in the words of a start that refused it; none in a log that was whole.
    pub damage: Option<String>,
    /// The files that hold what was taken out.
    pub kept: Vec<String>,
    /// The log as it is now. Everything behind its tail is lost to it.
    pub report: Report,
}

/// Cuts the log in `directory` at its first damage, again and again until a start takes it: what is behind the damage is
/// lost to it, and the sequences of what was lost come again. Nothing is done where nothing would be left: a damaged
/// snapshot, or the first record of a log without one.
pub fn repair(directory: &Path) -> Result<Repaired, LogError> {
    repair_in(&(Arc::new(DiskDirectory::lock(directory)?) as Arc<dyn Directory>))
}

/// Like [`repair`], in a directory of any kind. The caller sees to it that nobody else writes there.
pub fn repair_in(directory: &Arc<dyn Directory>) -> Result<Repaired, LogError> {
    snapshot_is_whole(&**directory)?;
    let (mut mended, mut kept) = (Vec::new(), Vec::new());
    loop {
        match check_in(directory, u64::MAX, &mut |_| Ok(())) {
            Ok(report) => {
                return Ok(Repaired { damage: mended.into_iter().next(), kept, report });
            }
            // What was mended and is there again can't be mended.
            Err(error) if mended.contains(&error.to_string()) => return Err(error),
            Err(error) => {
                mended.push(error.to_string());
                mend(&**directory, error, &mut kept)?;
            }
        }
    }
}

/// What the log begins with can't be given back: nothing is to be done then, whatever else is damaged.
fn snapshot_is_whole(directory: &dyn Directory) -> Result<(), LogError> {
    let Some(&sequence) = files::list(directory)?.last() else { return Ok(()) };
    files::verify(directory, sequence, &mut |_| Ok(()))?;
    let found = files::open(directory, sequence)?.0.store_id();
    recovery::same_store(directory, &files::name(sequence), recovery::store_id(directory)? == Some(found))
}

/// Takes one damage out of the log, or gives it back.
fn mend(directory: &dyn Directory, error: LogError, kept: &mut Vec<String>) -> Result<(), LogError> {
    let place = error.place().filter(|_| error.is_damage());
    let Some((name, offset)) =
        place.and_then(|(file, offset)| Some((file.file_name()?.to_str()?.to_owned(), offset)))
    else {
        return Err(error);
    };
    if name == manifest::NAME {
        if !matches!(error, LogError::Missing { .. }) {
            kept.push(put_aside(directory, &name)?);
        }
        let Some(newest) = newest(directory)? else { return Err(error) };
        return manifest::write(directory, &newest);
    }
    let (firsts, snapshots) = (segment::list(directory)?, files::list(directory)?);
    let covered = snapshots.last().copied().unwrap_or(0);
    let is_covered = |first: u64| firsts.iter().any(|later| *later > first && *later <= covered + 1);
    if let Some(sequence) = files::sequence_of(&name) {
        // The newest is what the log begins with.
        if sequence == covered {
            return Err(error);
        }
        kept.push(put_aside(directory, &name)?);
        return sync(directory);
    }
    match (&error, segment::first_of(&name)) {
        (_, Some(first)) if is_covered(first) && firsts.contains(&first) => {
            kept.push(put_aside(directory, &name)?);
            sync(directory)
        }
        (LogError::Gap { expected, .. }, Some(first)) if offset == 0 => {
            let cut = Cut { first, offset, next: *expected };
            cut.make(directory, covered, error, kept)
        }
        (LogError::Missing { .. }, _) => {
            let Some(last) = newest(directory)? else {
                return Cut { first: u64::MAX, offset: 0, next: 1 }.make(directory, covered, error, kept);
            };
            let segment = Segment::open(directory, last.first_sequence)?;
            let end = recovery::scan(directory, &segment, 1)?;
            let cut = Cut { first: u64::MAX, offset: 0, next: end.next_sequence };
            cut.make(directory, covered, error, kept)
        }
        (_, Some(first)) => {
            let next = if offset > HEADER as u64 { sequence_at(directory, first, offset)? } else { first };
            Cut { first, offset, next }.make(directory, covered, error, kept)
        }
        _ => Err(error),
    }
}

/// Where a log is cut.
struct Cut {
    /// The segment, by its first sequence; one beyond all segments where nothing is cut off.
    first: u64,
    /// Where in it, in bytes.
    offset: u64,
    /// The sequence that the log goes on with.
    next: u64,
}

impl Cut {
    /// Puts aside what is cut off, and begins a segment there. `covered` is the sequence of the log's snapshot.
    fn make(
        &self,
        directory: &dyn Directory,
        covered: u64,
        error: LogError,
        kept: &mut Vec<String>,
    ) -> Result<(), LogError> {
        let Self { first, offset, next } = *self;
        let Some(store_id) = recovery::store_id(directory)?.filter(|_| covered > 0 || next > 1) else {
            return Err(error);
        };
        // The last first: should this be broken off, what is left is still one log.
        for later in segment::list(directory)?.into_iter().rev().filter(|later| *later > first) {
            kept.push(put_aside(directory, &segment::name(later))?);
        }
        let name = segment::name(first);
        if first < u64::MAX && (next <= first || next <= covered) {
            kept.push(put_aside(directory, &name)?);
        } else if first < u64::MAX {
            kept.push(copy(directory, &name)?);
            sync(directory)?;
            let path = directory.path().join(&name);
            let damaged = directory.open(&name).map_err(|source| io_error("open", &path, source))?;
            let cut = damaged.truncate(offset).and_then(|()| damaged.sync());
            cut.map_err(|source| io_error("cut", &path, source))?;
        }
        // The first write makes a segment of the configured size of it.
        let length = (HEADER + BATCH_HEADER) as u64;
        let first_sequence = next.max(covered + 1);
        Segment::create(directory, Header { salt: rand::rng().random(), store_id, first_sequence, length })
            .map(drop)
    }
}

/// The header of the newest segment of this log that has one.
fn newest(directory: &dyn Directory) -> Result<Option<Header>, LogError> {
    let store_id = recovery::store_id(directory)?;
    let firsts = segment::list(directory)?;
    let headers = firsts.iter().rev().filter_map(|first| Some(Segment::open(directory, *first).ok()?.header));
    Ok(headers.into_iter().find(|header| Some(header.store_id) == store_id))
}

/// The sequence that would come next at a place behind whole batches of a segment.
fn sequence_at(directory: &dyn Directory, first: u64, offset: u64) -> Result<u64, LogError> {
    let segment = Segment::open(directory, first)?;
    let mut window = Window::new(&segment);
    let (mut position, mut next) = (HEADER as u64, first);
    while position < offset {
        let found = window.frame(position);
        match found.map_err(|source| io_error("read", &directory.path().join(&segment.name), source))? {
            Frame::Batch(batch) => {
                next += u64::from(batch.count);
                position += (BATCH_HEADER + batch.payload) as u64;
            }
            _ => break,
        }
    }
    Ok(next)
}

fn sync(directory: &dyn Directory) -> Result<(), LogError> {
    directory.sync().map_err(|source| io_error("sync the log directory", directory.path(), source))
}

/// Takes a file out of the log whole.
fn put_aside(directory: &dyn Directory, name: &str) -> Result<String, LogError> {
    let kept = free_name(directory, name)?;
    let renamed = directory.rename(name, &kept);
    renamed.map_err(|source| io_error("rename", &directory.path().join(name), source))?;
    Ok(kept)
}

fn copy(directory: &dyn Directory, name: &str) -> Result<String, LogError> {
    let kept = free_name(directory, name)?;
    let copied = directory.open(name).and_then(|source| copy_bytes(&*source, &*directory.create(&kept)?));
    copied.map_err(|source| io_error("copy", &directory.path().join(name), source))?;
    Ok(kept)
}

fn copy_bytes(source: &dyn LogFile, target: &dyn LogFile) -> io::Result<()> {
    let mut bytes = vec![0; STEP];
    let mut at = 0;
    loop {
        match source.read_at(&mut bytes, at)? {
            0 => return target.sync(),
            read => {
                target.write_at(&bytes[..read], at)?;
                at += read as u64;
            }
        }
    }
}

/// A name that no earlier repair has taken.
fn free_name(directory: &dyn Directory, name: &str) -> Result<String, LogError> {
    let names =
        directory.list().map_err(|source| io_error("list the log directory", directory.path(), source))?;
    let mut kept = format!("{name}{DAMAGED}");
    for count in 2.. {
        if !names.contains(&kept) {
            break;
        }
        kept = format!("{name}{DAMAGED}-{count}");
    }
    Ok(kept)
}
