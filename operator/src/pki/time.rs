//! Arithmetic of times that saturates: a certificate of the year 9999 is no error.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub(super) fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(signed(duration)).unwrap_or(Timestamp::MAX)
}

pub(super) fn before(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_sub(signed(duration)).unwrap_or(Timestamp::MIN)
}

/// From one time to a later one; nothing where it is earlier.
pub(super) fn between(one: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(one)).unwrap_or_default()
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
