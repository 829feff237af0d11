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
    /// What stands before the time in the names of those that are counted, and that may go; empty means all there are.
    pub prefix: String,
}

impl Retention {
    /// Whether a backup of this name is counted. What a user has named is not taken for the schedule's: with a prefix, the rest
    /// has to be a time, as in `orders-at-20261127-0200`.
    pub fn counts(&self, name: &BackupName) -> bool {
        let is_time = |rest: &str| {
            let digits =
                |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
            rest.split_once('-').is_some_and(|(day, time)| digits(day, 8) && digits(time, 4))
        };
        self.prefix.is_empty() || name.as_str().strip_prefix(&self.prefix).is_some_and(is_time)
    }
}

/// The backups to remove, the oldest first. Neither the newest is ever one of them, nor the one that was `taken` just now.
pub fn outlived(
    backups: &[Manifest],
    taken: &BackupName,
    retention: &Retention,
    now: Timestamp,
) -> Vec<BackupName> {
    let counted = backups.iter().filter(|backup| retention.counts(&backup.name));
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
            uid: None,
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
        let named = |name: &str, day| Manifest { name: name.parse().unwrap(), ..backup(day) };
        let by_hand = [
            "mine",
            "orders-at-",
            "orders-at-20261127",
            "orders-at-last",
            "orders-at-20261127-020",
            "orders-at-20261127-02000",
            "orders-at-2026112-70200",
            "orders-at-20261127-0200-1",
            "orders-at-20261127-02h0",
            "my-orders-at-20261127-0200",
        ];
        let by_hand = by_hand.iter().filter(|name| name.parse::<BackupName>().is_ok());
        let mut backups: Vec<_> = by_hand.map(|name| named(name, 1)).collect();
        assert_eq!(backups.len(), 9);
        let (older, newer) = (named("orders-at-20261126-0200", 2), named("orders-at-20261127-0200", 3));
        backups.extend([older.clone(), newer.clone()]);
        let prefix = "orders-at-".to_owned();
        let retention = Retention { keep: Some(1), keep_for: Some(Duration::ZERO), prefix };
        let gone = outlived(&backups, &newer.name, &retention, backup(9).finished_at);
        assert_eq!(gone, [older.name]);
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
