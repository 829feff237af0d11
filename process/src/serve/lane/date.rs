//! Times as fields have them, made from the day that was made last where it is the same day: most of what is answered was
//! written on few days.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// Bytes of an IMF-fixdate (RFC 9110 section 5.6.7), as in `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) const DATE_BYTES: usize = 29;
/// Where its hours begin.
const HOURS: usize = 17;
/// Seconds of a day; Unix time knows no leap seconds.
const DAY: u64 = 86_400;

/// The last day's date.
pub(super) struct Dates {
    day: u64,
    date: [u8; DATE_BYTES],
}

impl Default for Dates {
    fn default() -> Self {
        Self { day: 0, date: *b"Thu, 01 Jan 1970 00:00:00 GMT" }
    }
}

impl Dates {
    /// A time from 1970 on.
    pub(super) fn format(&mut self, time: SystemTime) -> [u8; DATE_BYTES] {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (day, second) = (seconds / DAY, seconds % DAY);
        if self.day != day {
            self.day = day;
            let midnight = UNIX_EPOCH + Duration::from_secs(day * DAY);
            // It has room for exactly one.
            let _ = write!(&mut self.date[..], "{}", HttpDate::from(midnight));
        }
        let mut date = self.date;
        for (place, part) in [second / 3600, second / 60 % 60, second % 60].into_iter().enumerate() {
            let at = HOURS + 3 * place;
            date[at] = digit(part / 10);
            date[at + 1] = digit(part % 10);
        }
        date
    }
}

/// Of a number below ten.
fn digit(number: u64) -> u8 {
    b'0' + u8::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_library_whatever_was_made_before() {
        let mut dates = Dates::default();
        for seconds in
            [0, 59, 86_399, 86_400, 784_111_777, 784_111_778, 1_796_774_399, 784_111_777, 253_402_300_799]
        {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(dates.format(time), httpdate::fmt_http_date(time).as_bytes(), "{seconds}");
        }
    }
}
