//! Looking at all files of a log, without changing anything: whether they are there, whether they belong together, and
//! where the log ends.

use super::{Scan, scan};
use crate::{
    LogError,
    file_log::{
        Directory,
        error::corrupt,
        manifest::{self, Word},
        restore::half,
        segment::{self, Segment},
        snapshot::files,
    },
};

/// A log as a start finds it.
pub(in crate::file_log) struct Found {
    pub(in crate::file_log) snapshot: Option<FoundSnapshot>,
    /// The first sequences and the lengths in bytes of the segments before the newest one.
    pub(in crate::file_log) earlier: Vec<(u64, u64)>,
    /// The newest one.
    pub(in crate::file_log) segment: Segment,
    /// How far that one is good.
    pub(in crate::file_log) scan: Scan,
    pub(in crate::file_log) word: Word,
}

/// The snapshot that a log begins with.
pub(in crate::file_log) struct FoundSnapshot {
    pub(in crate::file_log) sequence: u64,
    /// In bytes.
    pub(in crate::file_log) length: u64,
}

/// Looks at the log; none in a directory without one. Fails as a start does that can't find its end.
pub(in crate::file_log) fn look(directory: &dyn Directory) -> Result<Option<Found>, LogError> {
    half::refuse(directory)?;
    let manifest = manifest::read(directory)?;
    let snapshots = files::list(directory)?;
    let firsts = segment::list(directory)?;
    let Some((&last, before)) = firsts.split_last() else {
        return match (manifest, snapshots.last()) {
            (None, None) => Ok(None),
            (Some(named), _) => Err(manifest::missing_newest(directory, &named)),
            (None, Some(snapshot)) => Err(LogError::Missing {
                file: directory.path().join(format!("*{}", segment::SUFFIX)),
                reason: format!("{} is never without a segment behind it", files::name(*snapshot)),
            }),
        };
    };
    let opened: Result<Vec<Segment>, LogError> =
        before.iter().map(|first| Segment::open(directory, *first)).collect();
    let (opened, segment) = (opened?, Segment::open(directory, last)?);
    let store_id = store_id(directory)?.unwrap_or(segment.header.store_id);
    if let Some(manifest) = &manifest {
        same_store(directory, manifest::NAME, manifest.store_id == store_id)?;
    }
    for found in opened.iter().chain([&segment]) {
        same_store(directory, &found.name, found.header.store_id == store_id)?;
    }
    let mut snapshot = None;
    for sequence in snapshots {
        let (decoder, length) = files::open(directory, sequence)?;
        same_store(directory, &files::name(sequence), decoder.store_id() == store_id)?;
        snapshot = Some(FoundSnapshot { sequence, length });
    }
    let begins = snapshot.as_ref().map_or(1, |snapshot| snapshot.sequence + 1);
    let scan = scan(directory, &segment, begins)?;
    let begun = before.is_empty() && begins == 1 && scan.next_sequence == 1;
    let word = manifest::compare(directory, manifest.as_ref(), &segment, begun)?;
    check_end(directory, &segment, &scan, begins)?;
    let earlier: Vec<_> = opened.iter().map(|found| (found.header.first_sequence, found.length)).collect();
    // Where the snapshot is to take the place of what is still there, it has to be whole.
    if let Some(FoundSnapshot { sequence, .. }) = &snapshot
        && (firsts.windows(2).any(|pair| pair[1] <= sequence + 1))
    {
        files::verify(directory, *sequence, &mut |_| Ok(()))?;
    }
    Ok(Some(Found { snapshot, earlier, segment, scan, word }))
}

/// Whose log it is, as most of its files say that can be read; so that one foreign file is told from many.
pub(in crate::file_log) fn store_id(directory: &dyn Directory) -> Result<Option<[u8; 16]>, LogError> {
    let manifest = manifest::read(directory).ok().flatten().map(|header| header.store_id);
    let segments = segment::list(directory)?;
    let segments =
        segments.iter().filter_map(|first| Some(Segment::open(directory, *first).ok()?.header.store_id));
    let snapshots = files::list(directory)?;
    let snapshots =
        snapshots.iter().filter_map(|sequence| Some(files::open(directory, *sequence).ok()?.0.store_id()));
    let ids: Vec<_> = manifest.into_iter().chain(segments).chain(snapshots).collect();
    let votes = |id: &[u8; 16]| ids.iter().filter(|other| *other == id).count();
    // Of as many, the first.
    Ok(ids.iter().rev().max_by_key(|id| votes(id)).copied())
}

/// Whether the newest segment can end where it does, `begins` being the sequence that the log goes on with behind its
/// snapshot.
fn check_end(directory: &dyn Directory, segment: &Segment, scan: &Scan, begins: u64) -> Result<(), LogError> {
    let Segment { length, header, .. } = segment;
    if *length < header.length {
        // It was made whole, durably, and only a segment that is not the newest is ever cut.
        let reason = format!(
            "the file has {length} bytes of the {} that it was made with, so what stood behind may be lost",
            header.length
        );
        return Err(corrupt(directory, &segment.name, scan.position, reason));
    }
    if scan.next_sequence < begins {
        // The snapshot was named when everything up to it was durable in a segment.
        let file = directory.path().join(&segment.name);
        let (expected, found) = (begins, scan.next_sequence);
        return Err(LogError::Gap { file, offset: scan.position, expected, found });
    }
    Ok(())
}

pub(in crate::file_log) fn same_store(
    directory: &dyn Directory,
    name: &str,
    same: bool,
) -> Result<(), LogError> {
    if same {
        return Ok(());
    }
    Err(corrupt(directory, name, 0, "it belongs to another log, as its store id says"))
}
