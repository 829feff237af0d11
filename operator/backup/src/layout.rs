//! What lies where at a destination. Pure.
//!
//! ```text
//! store.json                      whose destination it is
//! backups/NAME/manifest.json      what a backup is; written last, so without it there is none
//! backups/NAME/SEQUENCE-XXXXXXXX.snapshot
//! log/FIRST-LAST                  archived entries of the log, by their sequences in 20 digits
//! ```
//! Every object but a manifest has its name once: what is tried again is written beside what a first try left.

use crate::{BackupName, chain::Piece};

/// Whose destination it is.
pub const CLAIM: &str = "store.json";
/// The folder of all backups.
pub const BACKUPS: &str = "backups/";
/// The folder of the archived log.
pub const LOG: &str = "log/";
const MANIFEST: &str = "manifest.json";

/// The manifest of a backup.
pub fn manifest(name: &BackupName) -> String {
    format!("{BACKUPS}{name}/{MANIFEST}")
}

/// The folder of a backup, without a slash at its end.
pub fn folder(name: &BackupName) -> String {
    format!("{BACKUPS}{name}")
}

/// The snapshot of a backup at a sequence, of one try to make it.
pub fn snapshot(name: &BackupName, sequence: u64, attempt: u32) -> String {
    format!("{BACKUPS}{name}/{sequence:020}-{attempt:08x}.snapshot")
}

/// Archived entries.
pub fn piece(piece: Piece) -> String {
    format!("{LOG}{:020}-{:020}", piece.first, piece.last)
}

/// The archived entries that an object of this name holds; `None` when it is no such object's.
pub fn piece_of(object: &str) -> Option<Piece> {
    let (first, last) = object.strip_prefix(LOG)?.split_once('-')?;
    let number = |digits: &str| {
        let is_one = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_one { digits.parse::<u64>().ok() } else { None }
    };
    let piece = Piece { first: number(first)?, last: number(last)? };
    (1..=piece.last).contains(&piece.first).then_some(piece)
}

/// The backup that an object is part of, and whether it is its manifest.
pub fn backup_of(object: &str) -> Option<(BackupName, bool)> {
    let (name, file) = object.strip_prefix(BACKUPS)?.split_once('/')?;
    Some((name.parse().ok()?, file == MANIFEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let name: BackupName = "nightly-1".parse().unwrap();
        assert_eq!(manifest(&name), "backups/nightly-1/manifest.json");
        assert_eq!(snapshot(&name, 7, 0xbeef), "backups/nightly-1/00000000000000000007-0000beef.snapshot");
        assert_eq!(backup_of(&manifest(&name)), Some((name.clone(), true)));
        assert_eq!(backup_of(&snapshot(&name, 7, 1)), Some((name, false)));
        let piece = Piece { first: 3, last: u64::MAX };
        assert_eq!(super::piece(piece), "log/00000000000000000003-18446744073709551615");
        assert_eq!(piece_of(&super::piece(piece)), Some(piece));
    }

    #[test]
    fn what_has_another_name_is_none_of_ours() {
        for object in ["log/", "log/1-2", "log/00000000000000000003-00000000000000000002", "log/x-y", "other"]
        {
            assert_eq!(piece_of(object), None, "{object}");
        }
        for object in ["backups/", "backups/a", "backups/A/manifest.json", "manifest.json"] {
            assert_eq!(backup_of(object), None, "{object}");
        }
    }
}
