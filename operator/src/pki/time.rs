//! Arithmetic of times that saturates: a certificate of the year 9999 is no error. And by how much clocks may differ.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Clocks differ: by so much a certificate is valid before it is made, and may seem to end too late.
pub(super) const SKEW: Duration = Duration::from_secs(5 * 60);

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
