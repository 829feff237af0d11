//! Removing what a snapshot covers, in pieces: to free a large file at once keeps a processor busy for milliseconds.

use super::{Directory, LogFile, Step, files, io_error, segment};
use crate::LogError;

/// How much of a file is freed at a time, in bytes.
const PIECE: u64 = 1 << 20;
/// How many files are open at a time while they are freed.
const TOGETHER: usize = 16;

/// Removes the segments that lie wholly at or below a snapshot, and older snapshots. `freed` is told of each piece of
/// them.
pub(in crate::file_log) fn remove_covered(
    directory: &dyn Directory,
    sequence: u64,
    step: &dyn Fn(Step),
    removed: &dyn Fn(u64),
    mut freed: impl FnMut(),
) -> Result<(), LogError> {
    let firsts = segment::list(directory)?;
    let covered = firsts.windows(2).filter(|pair| pair[1] <= sequence + 1).map(|pair| segment::name(pair[0]));
    let older = files::list(directory)?.into_iter().filter(|older| *older < sequence).map(files::name);
    let names: Vec<String> = covered.chain(older).collect();
    for some in names.chunks(TOGETHER) {
        let mut nameless = Vec::new();
        for name in some {
            let path = directory.path().join(name);
            // What can't be opened is removed at once.
            let opened = directory.open(name).and_then(|file| Ok((file.length()?, file))).ok();
            step(Step::BeforeUnlink);
            directory.remove(name).map_err(|source| io_error("remove", &path, source))?;
            step(Step::AfterUnlink);
            let segment = name.ends_with(segment::SUFFIX);
            nameless.extend(opened.map(|(length, file)| (file, length, segment)));
        }
        // Nobody may find half a file by its name.
        let synced = directory.sync();
        synced.map_err(|source| io_error("sync the log directory", directory.path(), source))?;
        for (file, length, segment) in nameless {
            free(&*file, length, &mut freed);
            if segment {
                removed(length);
            }
        }
    }
    Ok(())
}

/// Frees a file without a name from its end on.
fn free(file: &dyn LogFile, length: u64, freed: &mut impl FnMut()) {
    for left in (0..length.div_ceil(PIECE)).rev() {
        // What is left of it goes with its last handle.
        if file.truncate(left * PIECE).is_err() {
            return;
        }
        freed();
    }
}
