//! Finding the end of the log at a start, by the rule that tells rot from a torn write.
//!
//! Checksums alone can't: both read as a bad batch. What was durable is proven by what was written later: each batch
//! names the highest sequence that was durable then, and a segment is begun only when the one before it is durable.
//! So a bad batch whose records any later valid batch proves durable is corruption, and the log is refused; one above
//! everything proven was never vouched for, and is cut, even if batches behind it look valid (pages reach the disk in any
//! order). Only the last segment can have a torn tail; the others are checked when they are read.
//!
//! Everything is looked at before anything is changed (`look`), so that what a start refuses stays as it is, and `check`
//! says what a start would say. What is kept is made durable before anything follows it: the directory is synced, and
//! what no batch proves durable is written once more (`rewrite`).

mod look;
mod rewrite;
mod tail;
mod window;

use std::collections::VecDeque;

use rand::Rng;

use self::tail::Torn;
pub(super) use self::{
    look::{Found, look, same_store, store_id},
    window::Window,
};
use super::{
    Directory, begin, compaction,
    error::{corrupt, io, is_full},
    format::{BATCH_HEADER, Frame, HEADER, Header, claims},
    manifest::{self, Word},
    segment::Segment,
    usage::Usage,
};
use crate::LogError;

/// Where the log ends.
pub(super) struct End {
    pub(super) segment: Segment,
    /// Behind the last batch, in bytes.
    pub(super) position: u64,
    /// The sequence of the last record.
    pub(super) tail: u64,
    /// Whether the manifest has to name the segment before anything is written to it, since there was no room for that.
    pub(super) unnamed: bool,
}

/// Opens the last segment, or begins a log with segments of `segment_bytes`.
pub(super) fn recover(directory: &dyn Directory, segment_bytes: u64, usage: &Usage) -> Result<End, LogError> {
    let Some(found) = look(directory)? else {
        begin::discard_unfinished(directory);
        return begin(directory, segment_bytes);
    };
    let Found { snapshot, earlier, mut segment, scan, word } = found;
    begin::discard_unfinished(directory);
    // A process that was killed may have named a file without making its name durable; nothing may be removed, and
    // nothing may follow, before it is.
    directory.sync().map_err(|source| io("sync the log directory", directory.path(), source))?;
    for (_, length) in &earlier {
        usage.add_sealed(*length);
    }
    if let Some(snapshot) = &snapshot {
        usage.set_snapshot(snapshot.sequence, snapshot.length);
        // What a compaction that was interrupted left.
        let removed = |bytes| usage.remove_sealed(bytes);
        compaction::remove_covered(directory, snapshot.sequence, &|_| {}, &removed, || {})?;
    }
    let unnamed = word == Word::Behind && !named(directory, &segment)?;
    rewrite::unproven(directory, &segment, scan.unproven..scan.position)?;
    if let Some(reason) = scan.bad {
        let torn = Torn { offset: scan.position, next_sequence: scan.next_sequence, reason };
        tail::cut(directory, &mut segment, &torn)?;
    } else {
        // What was read may be in the system's memory only.
        segment.file.sync().map_err(|source| io("sync", &directory.path().join(&segment.name), source))?;
    }
    Ok(End { segment, position: scan.position, tail: scan.next_sequence - 1, unnamed })
}

fn begin(directory: &dyn Directory, segment_bytes: u64) -> Result<End, LogError> {
    let length = segment_bytes.max((HEADER + BATCH_HEADER) as u64);
    let mut random = rand::rng();
    let header = Header { salt: random.random(), store_id: random.random(), first_sequence: 1, length };
    let segment = Segment::create(directory, header).map_err(|error| match error {
        LogError::Io { source, .. } if is_full(&source) => {
            LogError::Full { directory: directory.path().to_owned(), bytes: length }
        }
        error => error,
    })?;
    Ok(End { segment, position: HEADER as u64, tail: 0, unnamed: false })
}

/// Has the manifest name the newest segment. False when there is no room for it: a full volume must not keep the log
/// from being read.
fn named(directory: &dyn Directory, segment: &Segment) -> Result<bool, LogError> {
    match manifest::write(directory, &segment.header) {
        Ok(()) => Ok(true),
        Err(LogError::Io { source, .. }) if is_full(&source) => Ok(false),
        Err(error) => Err(error),
    }
}

/// How far a segment is good.
pub(super) struct Scan {
    /// Behind the last good batch, in bytes.
    pub(super) position: u64,
    /// Where the first of the good batches begins that no other one proves durable, in bytes.
    unproven: u64,
    /// The sequence that comes next.
    pub(super) next_sequence: u64,
    /// What is wrong there; `None` at a clean end.
    pub(super) bad: Option<&'static str>,
}

/// `begins` is the sequence that the log goes on with behind its snapshot, which proves all before it durable.
pub(super) fn scan(directory: &dyn Directory, segment: &Segment, begins: u64) -> Result<Scan, LogError> {
    let path = directory.path().join(&segment.name);
    let mut window = Window::new(segment);
    let mut position = HEADER as u64;
    let mut next_sequence = segment.header.first_sequence;
    // The batches that are not proven so far: the last sequence and the place of each.
    let mut unproven = VecDeque::new();
    let bad = loop {
        match window.frame(position).map_err(|source| io("read", &path, source))? {
            Frame::Batch(batch) if batch.first_sequence == next_sequence => {
                next_sequence += u64::from(batch.count);
                while unproven.front().is_some_and(|(last, _)| *last <= batch.durable) {
                    unproven.pop_front();
                }
                // Not even a mark proves itself.
                unproven.push_back((next_sequence - 1, position));
                position += (BATCH_HEADER + batch.payload) as u64;
            }
            Frame::Batch(batch) => {
                let (expected, found) = (next_sequence, batch.first_sequence);
                return Err(LogError::Gap { file: path, offset: position, expected, found });
            }
            Frame::End => {
                let clean = window.zeros(position).map_err(|source| io("read", &path, source))?;
                break if clean { None } else { Some("zeros stand where a batch should") };
            }
            Frame::Bad(reason) => break Some(reason),
            Frame::Partial(_) => break Some("a batch is cut off by the end of the file"),
        }
    };
    if let Some(reason) = bad
        && next_sequence < begins
    {
        let reason = format!("{reason}, and the snapshot proves that sequence {next_sequence} was durable");
        return Err(corrupt(directory, &segment.name, position, reason));
    }
    if let Some(reason) = bad
        && let Some(proof) =
            find(&mut window, position, next_sequence, claims).map_err(|source| io("read", &path, source))?
    {
        let reason = format!(
            "{reason}, and the batch at byte {proof} proves that sequence {next_sequence} was durable"
        );
        return Err(corrupt(directory, &segment.name, position, reason));
    }
    let unproven = unproven.front().map_or(position, |(_, begin)| *begin);
    Ok(Scan { position, unproven, next_sequence, bad })
}

/// A cheap look at the bytes of a batch header, with the sequence that is expected and how many bytes remain.
type Look = fn(&[u8], u64, u64) -> bool;

/// The place of a valid batch behind `position` that looks right. Where batches begin is unknown behind damage, so it
/// looks at every byte.
pub(super) fn find(
    window: &mut Window<'_>,
    position: u64,
    sequence: u64,
    looks_right: Look,
) -> std::io::Result<Option<u64>> {
    let length = window.length();
    let mut at = position + 1;
    while let Some(bytes) = window.at(at)? {
        let remaining = length - at;
        let candidate = bytes
            .windows(BATCH_HEADER)
            .position(|head| looks_right(head, sequence, remaining))
            .map(|skip| at + skip as u64);
        match candidate {
            Some(candidate) => {
                if matches!(window.frame(candidate)?, Frame::Batch(_)) {
                    return Ok(Some(candidate));
                }
                at = candidate + 1;
            }
            // A header may begin in the last bytes of what was seen.
            None => at += (bytes.len() - (BATCH_HEADER - 1)) as u64,
        }
    }
    Ok(None)
}
