//! How long to wait before something that failed is tried again. Pure, but for chance.

use std::time::Duration;

use rand::Rng as _;

/// First pause of a watch, and its longest: short, because an edit waits for it when the API server is back.
const WATCH: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// First pause of a store, and its longest: what fails for long needs somebody's time rather than ours.
const STORE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// The pauses of one watch; each watch has its own, so that a kind that fails holds up no other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Iterator for Backoff {
    type Item = Duration;

    /// There is always another try.
    fn next(&mut self) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        Some(jittered(doubled(WATCH, self.failures), chance()))
    }
}

impl kube_runtime::utils::Backoff for Backoff {
    fn reset(&mut self) {
        self.failures = 0;
    }
}

/// How long to wait with a store that failed so often in a row, and not less than the API server asked for.
pub(crate) fn of_store(failures: u32, asked: Option<Duration>) -> Duration {
    jittered(doubled(STORE, failures), chance()).max(asked.unwrap_or_default())
}

/// The first pause, twice that, and so on.
fn doubled((first, longest): (Duration, Duration), failures: u32) -> Duration {
    first.saturating_mul(1_u32 << failures.saturating_sub(1).min(20)).min(longest)
}

/// From three quarters of a pause to all of it: what failed together is not tried again together.
fn jittered(pause: Duration, chance: f64) -> Duration {
    pause.mul_f64(0.75 + chance / 4.0)
}

fn chance() -> f64 {
    rand::rng().random_range(0.0..1.0)
}

#[cfg(test)]
mod tests {
    use kube_runtime::utils::Backoff as _;

    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let seconds = |n| doubled(STORE, n).as_secs();
        assert_eq!([1, 2, 3, 9, 10, u32::MAX].map(seconds), [1, 2, 4, 256, 300, 300]);
        assert_eq!([0.0, 1.0].map(|chance| jittered(Duration::from_secs(8), chance).as_secs()), [6, 8]);
    }

    #[test]
    fn a_store_waits_as_long_as_the_api_server_asks() {
        assert!(of_store(1, None) <= Duration::from_secs(1));
        assert_eq!(of_store(1, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert!(of_store(9, Some(Duration::from_secs(7))) > Duration::from_secs(190));
    }

    #[test]
    fn a_watch_that_succeeded_begins_anew_and_never_gives_up() {
        let mut backoff = Backoff::default();
        let long = backoff.nth(99).unwrap();
        assert!(long > Duration::from_secs(7) && long <= Duration::from_secs(10));
        backoff.reset();
        assert!(backoff.next().unwrap() <= Duration::from_millis(500));
    }
}
