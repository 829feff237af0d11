//! When a scheduled backup is due: a function of the schedule, of the last scheduled time, and of now. Pure.
//!
//! A schedule is read in the civil time of its zone and only then becomes an instant, so that a day of 23 or 25 hours has
//! each of its times once: a time that the clocks skip comes as much later, one that they repeat is its first.

use cronexpr::{Crontab, FallbackTimezoneOption, ParseOptions, parse_crontab_with};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use thiserror::Error;

/// A schedule in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// In civil time: as if the zone were UTC.
    crontab: Crontab,
    zone: TimeZone,
}

/// Why a schedule cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// It is none of cron's.
    #[error(
        "`{0}` is no schedule: write minute, hour, day of the month, month and day of the week, as in `0 2 * * *`"
    )]
    Fields(String),
    /// There is no such zone.
    #[error("`{0}` is no time zone: write one of the IANA database, as in `Europe/Berlin`")]
    Zone(String),
    /// It names a day that there is not, such as the 30th of February.
    #[error("`{0}` never comes")]
    Never(String),
}

impl Schedule {
    /// Reads a schedule of five fields; `zone` is a name of the IANA database.
    ///
    /// # Errors
    /// When one of them is none, or the schedule never comes.
    pub fn parse(fields: &str, zone: Option<&str>) -> Result<Self, ScheduleError> {
        let zone = match zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| ScheduleError::Zone(name.to_owned()))?,
        };
        let wrong = || ScheduleError::Fields(fields.to_owned());
        // A sixth field would be a zone, which has a field of its own.
        if fields.split_whitespace().count() != 5 {
            return Err(wrong());
        }
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        let crontab = parse_crontab_with(fields, options).map_err(|_| wrong())?;
        let schedule = Self { crontab, zone };
        if schedule.next(Timestamp::UNIX_EPOCH).is_none() {
            return Err(ScheduleError::Never(fields.to_owned()));
        }
        Ok(schedule)
    }

    /// The first scheduled time after this one.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let mut civil = after.to_zoned(self.zone.clone()).datetime();
        loop {
            civil = self.next_civil(civil)?;
            let instant = self.zone.to_ambiguous_zoned(civil).compatible().ok()?.timestamp();
            // In an hour that the clocks repeat, what comes next on the clock may lie behind.
            if instant > after {
                return Some(instant);
            }
        }
    }

    /// The latest scheduled time after `last` and not after `now`: what was missed meanwhile is made up for once.
    pub fn due(&self, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
        /// From where the latest is looked for, in seconds before now: a schedule of each minute has few times within an
        /// hour, and one of each year few within many.
        const WINDOWS: [i64; 4] = [3_600, 86_400, 32 * 86_400, 367 * 86_400];
        let starts = WINDOWS.into_iter().filter_map(|window| {
            Timestamp::from_second(now.as_second() - window).ok().filter(|start| *start > last)
        });
        let mut due = starts.chain([last]).find_map(|start| self.next(start).filter(|next| *next <= now))?;
        while let Some(next) = self.next(due).filter(|next| *next <= now) {
            due = next;
        }
        Some(due)
    }

    fn next_civil(&self, after: DateTime) -> Option<DateTime> {
        let as_utc = after.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let next = self.crontab.find_next(cronexpr::MakeTimestamp(as_utc)).ok()?;
        Some(next.timestamp().to_zoned(TimeZone::UTC).datetime())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The next times after this one.
    fn times<const N: usize>(fields: &str, zone: &str, after: &str) -> [String; N] {
        let schedule = Schedule::parse(fields, Some(zone)).unwrap();
        let mut time = at(after);
        [(); N].map(|()| {
            time = schedule.next(time).unwrap();
            time.to_string()
        })
    }

    #[test]
    fn a_schedule_is_read_in_its_own_zone() {
        assert_eq!(
            times::<2>("0 2 * * *", "UTC", "2026-11-22T01:59:59Z"),
            ["2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z"]
        );
        assert_eq!(
            times::<1>("30 9 * * MON", "Asia/Kolkata", "2026-11-22T10:00:00Z"),
            ["2026-11-23T04:00:00Z"]
        );
        assert_eq!(times::<1>("*/15 * * * *", "UTC", "2026-11-22T10:00:00Z"), ["2026-11-22T10:15:00Z"]);
    }

    #[test]
    fn a_day_of_23_or_25_hours_has_each_of_its_times_once() {
        // Berlin: on 2026-03-29 there is no time from 02:00 to 03:00, and on 2026-10-25 there are two.
        assert_eq!(
            times::<3>("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z"),
            ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]
        );
        assert_eq!(
            times::<3>("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z"),
            ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
        // The hour that is repeated is taken once, also from within its second half.
        assert_eq!(
            times::<2>("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z"),
            ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"]
        );
        assert_eq!(
            times::<1>("*/20 * * * *", "Europe/Berlin", "2026-10-25T01:30:00Z"),
            ["2026-10-25T02:00:00Z"]
        );
        // What was moved and what comes anyway at that time are one.
        assert_eq!(
            times::<2>("0 2,3 * * *", "Europe/Berlin", "2026-03-28T20:00:00Z"),
            ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]
        );
    }

    #[test]
    fn what_was_missed_is_made_up_for_once() {
        let due = |fields: &str, last: &str, now: &str| {
            let schedule = Schedule::parse(fields, None).unwrap();
            schedule.due(at(last), at(now)).map(|due| due.to_string())
        };
        let (last, later) = ("2026-11-22T02:00:00Z", Some("2026-11-25T02:00:00Z".to_owned()));
        assert_eq!(due("0 2 * * *", last, "2026-11-23T01:59:59Z"), None);
        assert_eq!(due("0 2 * * *", last, "2026-11-25T02:00:00Z"), later);
        assert_eq!(due("0 2 * * *", last, "2026-11-25T23:00:00Z"), later);
        assert_eq!(due("0 2 * * *", "2026-11-25T02:00:00Z", "2026-11-25T23:00:00Z"), None);
        // Long ago: found without counting each of a million minutes.
        assert_eq!(
            due("* * * * *", "2024-11-22T02:00:00Z", "2026-11-25T23:00:30Z").unwrap(),
            "2026-11-25T23:00:00Z"
        );
        assert_eq!(
            due("0 0 1 1 *", "2020-11-22T02:00:00Z", "2026-11-25T23:00:00Z").unwrap(),
            "2026-01-01T00:00:00Z"
        );
        assert_eq!(
            due("0 0 29 2 *", "2020-03-22T02:00:00Z", "2026-11-25T23:00:00Z").unwrap(),
            "2024-02-29T00:00:00Z"
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_the_way_out() {
        for (fields, zone, sentence) in [
            ("* * * *", None, "`* * * *` is no schedule: write minute"),
            ("61 * * * *", None, "is no schedule"),
            ("0 2 * * * UTC", None, "is no schedule"),
            ("0 2 30 2 *", None, "never comes"),
            ("0 2 * * *", Some("Mars/Olympus"), "`Mars/Olympus` is no time zone"),
        ] {
            let error = Schedule::parse(fields, zone).unwrap_err().to_string();
            assert!(error.contains(sentence), "{error}");
        }
    }
}
