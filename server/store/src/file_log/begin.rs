//! Begins a segment: makes it, and lets the manifest name it, in the order that a crash at any moment leaves sound.

use super::{
    Directory,
    format::Header,
    manifest,
    segment::{self, Segment},
};
use crate::LogError;

impl Segment {
    /// Makes the segment with this header, of the length that it says, the newest of the log. It has its name only when
    /// it is whole and durable, so that a crash leaves either all of it or nothing; when this returns, the manifest names
    /// it. After an error of kind `Io` it is not there.
    pub(super) fn create(directory: &dyn Directory, header: Header) -> Result<Self, LogError> {
        let prepared = segment::prepare(directory, &header)
            .and_then(|file| manifest::prepare(directory, &header).map(|()| file))
            .and_then(|file| segment::put_in_place(directory, &header).map(|()| file));
        let file = match prepared {
            Ok(file) => file,
            Err(error) => {
                discard_unfinished(directory);
                return Err(error);
            }
        };
        // From here on it may or may not be there after a crash, so there is no way back to the old segment.
        directory.sync().map_err(|source| LogError::Failed {
            message: format!("can't sync {}: {source}", directory.path().display()),
        })?;
        manifest::install(directory).map_err(|error| LogError::Failed { message: error.to_string() })?;
        Ok(Self { name: segment::name(header.first_sequence), file, header, length: header.length })
    }
}

/// Removes what an interrupted creation left, to give back its room.
pub(super) fn discard_unfinished(directory: &dyn Directory) {
    segment::discard_unfinished(directory);
    manifest::discard_unfinished(directory);
}
