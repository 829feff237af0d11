//! For how long a timer is set. Pure.

use std::time::Duration;

use jiff::Timestamp;

/// From now to a time; a moment where that is past.
pub(super) fn until(now: Timestamp, then: Timestamp) -> Duration {
    /// A timer of months would be lost in a restart anyway; waking once a day is free.
    const LONGEST: Duration = Duration::from_secs(24 * 3600);
    const SHORTEST: Duration = Duration::from_secs(1);
    Duration::try_from(then.duration_since(now)).unwrap_or(SHORTEST).clamp(SHORTEST, LONGEST)
}
