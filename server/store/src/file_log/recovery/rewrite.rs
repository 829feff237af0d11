//! Writing once more what was read but is proven durable by nothing.
//!
//! After a failed sync the kernel holds the pages as clean: they read well, and the next sync passes them over. Were the
//! log taken up on top of them, a power cut would leave a hole below acknowledged writes. Written again, the same bytes
//! are dirty, and the sync that follows says the truth about them.

use std::ops::Range;

use crate::{
    LogError,
    file_log::{
        Directory,
        error::{io, is_full},
        segment::Segment,
    },
};

/// How much is written at a time, in bytes.
const STEP: usize = 1 << 20;

/// Writes this part of a segment again, in place. The caller syncs.
pub(super) fn unproven(
    directory: &dyn Directory,
    segment: &Segment,
    part: Range<u64>,
) -> Result<(), LogError> {
    let path = directory.path().join(&segment.name);
    let mut bytes = Vec::new();
    let mut at = part.start;
    while at < part.end {
        bytes.resize(usize::try_from(part.end - at).map_or(STEP, |left| left.min(STEP)), 0);
        let read = segment.file.read_at(&mut bytes, at).map_err(|source| io("read", &path, source))?;
        match segment.file.write_at(&bytes[..read], at) {
            Ok(()) if read > 0 => at += read as u64,
            // The file became shorter: there is nothing more to keep.
            Ok(()) => break,
            // A volume that copies on write may need room for it; a full one must not keep the log from being read.
            Err(error) if is_full(&error) => break,
            Err(source) => return Err(io("write", &path, source)),
        }
    }
    Ok(())
}
