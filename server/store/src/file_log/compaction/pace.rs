//! How a compaction shares processor and disk with the requests: between small pieces of work it rests, several times as
//! long as it worked. Pure.
//!
//! It must outrun what it is done for, so it rests less the more urgent it is: as the snapshot has to keep more for its
//! reader's sake, or as the log grows beside it, or when writes wait for the room that it makes.

use std::time::Duration;

/// So many times as long as it worked it rests, if nothing is urgent: of processor and disk it then takes a sixteenth.
const REST: u32 = 15;
/// The longest rest: a disk that takes long for a piece is slow for other reasons.
const LONGEST: Duration = Duration::from_millis(5);
/// That the log grows by so many bytes meanwhile is nothing.
const GROWTH: u64 = 1 << 20;

/// How long to rest behind a piece of work that took `worked`, where so many bytes of the snapshot are `done` and the log
/// has `grown` by so many since it was begun. `urgency` is the snapshot's own, in percent.
pub(super) fn rest(worked: Duration, urgency: u8, done: u64, grown: u64) -> Duration {
    // It is as urgent as can be when the log grows half as fast as the snapshot.
    let outrun = grown.saturating_sub(GROWTH).saturating_mul(200) / done.max(1);
    let urgency = u64::from(urgency).max(outrun).min(100);
    let calm = u32::try_from(100 - urgency).unwrap_or(0);
    (worked.saturating_mul(REST * calm) / 100).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORKED: Duration = Duration::from_micros(100);
    const MIB: u64 = 1 << 20;

    #[test]
    fn what_is_not_urgent_takes_a_sixteenth_of_the_time() {
        assert_eq!(rest(WORKED, 0, MIB, 0), WORKED * REST);
        assert_eq!(rest(WORKED, 0, 0, MIB), WORKED * REST, "a log that hardly grows");
        assert_eq!(rest(Duration::from_secs(1), 0, MIB, 0), LONGEST);
    }

    #[test]
    fn what_is_urgent_does_not_rest() {
        assert_eq!(rest(WORKED, 100, 100 * MIB, 0), Duration::ZERO);
        assert_eq!(rest(WORKED, 50, 100 * MIB, 0), WORKED * REST / 2);
    }

    #[test]
    fn a_log_that_grows_half_as_fast_as_its_snapshot_lets_it_not_rest() {
        assert_eq!(rest(WORKED, 0, 100 * MIB, 51 * MIB), Duration::ZERO);
        assert_eq!(rest(WORKED, 0, 100 * MIB, 26 * MIB), WORKED * REST / 2);
        assert_eq!(rest(WORKED, 0, 0, 100 * MIB), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn more_urgency_is_never_more_rest(
            micros in 0..1_000_000_u64,
            urgency in (0..=255_u8, 0..=255_u8),
            done: u64,
            grown in (any::<u64>(), any::<u64>()),
        ) {
            let worked = Duration::from_micros(micros);
            let calm = rest(worked, urgency.0.min(urgency.1), done, grown.0.min(grown.1));
            let urgent = rest(worked, urgency.0.max(urgency.1), done, grown.0.max(grown.1));
            prop_assert!(urgent <= calm && calm <= LONGEST && calm <= worked * REST);
        }
    }
}
