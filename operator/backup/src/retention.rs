//! Which backups are to go, and which archived entries with them. Pure: the time is an argument.

use std::time::Duration;

use jiff::Timestamp;

use crate::{BackupName, chain::Piece, manifest::Manifest};

/// What stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest; at least one.
    pub keep: Option<usize>,
    /// Those that are not older.
    pub keep_for: Option<Duration>,
    /// What the names begin with of those that are counted, and that may go; empty means all.
    pub prefix: String,
}

/// The backups to remove, the oldest first. Neither the newest is ever one of them, nor the one that was `taken` just now.
pub fn outlived(
    backups: &[Manifest],
    taken: &BackupName,
    retention: &Retention,
    now: Timestamp,
) -> Vec<BackupName> {
    let counted = backups.iter().filter(|backup| backup.name.as_str().starts_with(&retention.prefix));
    let mut newest_first: Vec<&Manifest> = counted.collect();
    // Several may be of one revision, and of one second.
    newest_first.sort_by_key(|backup| {
        std::cmp::Reverse((backup.revision, backup.finished_at, backup.name == *taken))
    });
    let is_outlived = |(rank, backup): (usize, &&Manifest)| {
        let beyond = retention.keep.is_some_and(|keep| rank >= keep.max(1));
        let age = Duration::try_from(now.duration_since(backup.finished_at)).unwrap_or_default();
        let old = retention.keep_for.is_some_and(|keep_for| age > keep_for);
        (rank > 0 && backup.name != *taken && (beyond || old)).then(|| backup.name.clone())
    };
    let mut gone: Vec<BackupName> = newest_first.iter().enumerate().filter_map(is_outlived).collect();
    gone.reverse();
    gone
}

/// The archived entries that no backup leads to any more: those that the oldest backup holds itself.
pub fn covered(pieces: &[Piece], kept: &[Manifest]) -> Vec<Piece> {
    let Some(oldest) = kept.iter().map(|backup| backup.revision).min() else { return Vec::new() };
    pieces.iter().copied().filter(|piece| piece.last <= oldest).collect()
}

#[cfg(test)]
mod tests {
    use kivi_store::StoreId;

    use super::*;
    use crate::manifest::FORMAT;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn backup(day: i64) -> Manifest {
        let at = Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap();
        Manifest {
            format: FORMAT,
            name: format!("day-{day}").parse().unwrap(),
            store_id: StoreId([1; 16]),
            revision: u64::try_from(day * 10).unwrap(),
            keys: 0,
            snapshot: String::new(),
            bytes: 0,
            sha256: String::new(),
            state_hash: String::new(),
            last_entry: None,
            started_at: at,
            finished_at: at,
        }
    }

    fn gone(days: &[i64], keep: Option<usize>, keep_for: Option<Duration>, today: i64) -> Vec<String> {
        let backups: Vec<Manifest> = days.iter().map(|day| backup(*day)).collect();
        let now = backup(today).finished_at;
        let taken = "another".parse().unwrap();
        let retention = Retention { keep, keep_for, ..Retention::default() };
        outlived(&backups, &taken, &retention, now).into_iter().map(String::from).collect()
    }

    #[test]
    fn what_is_beyond_the_number_or_the_time_goes_and_the_newest_never() {
        assert_eq!(gone(&[3, 1, 2], None, None, 90), [""; 0]);
        assert_eq!(gone(&[3, 1, 2], Some(2), None, 3), ["day-1"]);
        assert_eq!(gone(&[3, 1, 2], Some(0), None, 3), ["day-1", "day-2"]);
        assert_eq!(gone(&[3, 1, 2], None, Some(DAY), 3), ["day-1"]);
        assert_eq!(gone(&[3, 1, 2], None, Some(DAY), 90), ["day-1", "day-2"]);
        assert_eq!(gone(&[3, 1, 2], Some(1), Some(DAY * 9), 3), ["day-1", "day-2"]);
        // A clock that went back makes nobody old.
        assert_eq!(gone(&[3, 1, 2], None, Some(DAY), 0), [""; 0]);
        assert_eq!(gone(&[], Some(1), None, 0), [""; 0]);
    }

    #[test]
    fn what_has_another_name_is_neither_counted_nor_removed() {
        let by_hand = Manifest { name: "mine".parse().unwrap(), ..backup(1) };
        let backups = [by_hand, backup(2), backup(3)];
        let retention = Retention { keep: Some(1), prefix: "day-".to_owned(), ..Retention::default() };
        let gone = outlived(&backups, &backup(3).name, &retention, backup(3).finished_at);
        assert_eq!(gone, [backup(2).name]);
    }

    #[test]
    fn what_was_taken_just_now_stays_also_beside_one_of_the_same_revision_and_second() {
        let older = Manifest { name: "a".parse().unwrap(), ..backup(3) };
        let taken = Manifest { name: "b".parse().unwrap(), ..backup(3) };
        let keep_one = Retention { keep: Some(1), ..Retention::default() };
        let now = taken.finished_at;
        for backups in [[older.clone(), taken.clone()], [taken.clone(), older.clone()]] {
            assert_eq!(outlived(&backups, &taken.name, &keep_one, now), std::slice::from_ref(&older.name));
        }
        // One that was there already, and is told of again.
        assert_eq!(outlived(&[backup(1), backup(2)], &backup(1).name, &keep_one, now), []);
    }

    #[test]
    fn entries_go_with_the_last_backup_that_needs_them() {
        let piece = |first, last| Piece { first, last };
        let pieces = [piece(1, 10), piece(11, 25), piece(26, 40)];
        assert_eq!(covered(&pieces, &[backup(3), backup(2)]), [piece(1, 10)]);
        assert_eq!(covered(&pieces, &[backup(1)]), [piece(1, 10)]);
        assert_eq!(covered(&pieces, &[]), []);
    }
}
