//! How much room there is on the log's volume, by the file system's own account.

use std::io;
use std::path::Path;

/// The file system that a path is on, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Its size.
    pub size: u64,
    /// What of it a process without privileges may still take.
    pub available: u64,
}

/// Asks for the room where `path` is (statvfs(3)).
///
/// # Errors
/// When the path is not there.
pub fn room(path: &Path) -> io::Result<Room> {
    let stat = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(Room { size: bytes(stat.f_blocks), available: bytes(stat.f_bavail) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_is_part_of_the_whole() {
        let dir = tempfile::tempdir().unwrap();
        let Room { size, available } = room(dir.path()).unwrap();
        assert!(size > 1 << 20 && available <= size, "{size} {available}");
        assert!(room(&dir.path().join("missing")).is_err());
    }
}
