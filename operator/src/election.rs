//! Which of several operators reconciles: the one that holds a Lease (coordination.k8s.io/v1).
//!
//! - [`candidate`] decides, by its own clock and without IO. A test runs it against thousands of bad networks.
//! - [`campaign`] asks the API server what the candidate wants to know, and writes what it wants written.
//! - [`leadership`] is what the rest of the process sees: whether it leads, and until when.
//!
//! The rules are those of client-go's `leaderelection`. No clock is compared with another: whoever does not hold
//! the Lease measures, by its own clock, for how long it has not changed. The holder counts from before it sent
//! its last renewal, and stops by itself [`Timing::renew_deadline`] later, before anybody may take over.

pub mod campaign;
pub mod candidate;
pub mod leadership;
mod lease;
#[cfg(test)]
mod schedules;

use std::time::Duration;

use thiserror::Error;

/// How long a term lasts, and how often one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    duration: Duration,
    renew_deadline: Duration,
    retry: Duration,
}

/// Why these times cannot be used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TimingError {
    /// A Lease says its duration in whole seconds.
    #[error("--lease-duration must be at least 3 s, in whole seconds")]
    Duration,
    /// A leader must stop before another may begin, though their clocks run at different speeds.
    #[error("--lease-renew-deadline must be at most three quarters of --lease-duration")]
    RenewDeadline,
    /// One lost answer must not end a term.
    #[error("--lease-retry-period must be at least 100 ms and at most a quarter of --lease-renew-deadline")]
    Retry,
}

impl Timing {
    /// Checks that the times fit each other.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn new(duration: Duration, renew_deadline: Duration, retry: Duration) -> Result<Self, TimingError> {
        if duration < Duration::from_secs(3) || duration.subsec_nanos() != 0 {
            return Err(TimingError::Duration);
        }
        if renew_deadline > duration.mul_f64(0.75) {
            return Err(TimingError::RenewDeadline);
        }
        if retry < Duration::from_millis(100) || retry > renew_deadline / 4 {
            return Err(TimingError::Retry);
        }
        Ok(Self { duration, renew_deadline, retry })
    }

    /// How long a Lease that does not change still belongs to its holder.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// How long a leader goes on without a renewal.
    pub fn renew_deadline(&self) -> Duration {
        self.renew_deadline
    }

    /// How often one who does not lead looks, and how soon after a failure anybody tries again.
    pub fn retry(&self) -> Duration {
        self.retry
    }

    /// How often a leader renews: four times before it would have to stop.
    pub fn renew_interval(&self) -> Duration {
        self.renew_deadline / 4
    }

    /// How long one call may take: two fit into a renew deadline.
    pub fn call_timeout(&self) -> Duration {
        self.renew_deadline / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_would_let_two_lead_are_refused() {
        let timing = |duration, deadline, retry| {
            let [duration, deadline, retry] = [duration, deadline, retry].map(Duration::from_millis);
            Timing::new(duration, deadline, retry).err()
        };
        assert_eq!(timing(15_000, 10_000, 1_000), None);
        assert_eq!(timing(15_500, 10_000, 1_000), Some(TimingError::Duration));
        assert_eq!(timing(2_000, 1_000, 100), Some(TimingError::Duration));
        assert_eq!(timing(15_000, 11_251, 1_000), Some(TimingError::RenewDeadline));
        assert_eq!(timing(15_000, 10_000, 2_501), Some(TimingError::Retry));
        assert_eq!(timing(15_000, 10_000, 0), Some(TimingError::Retry));
    }
}
