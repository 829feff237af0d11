//! How long connections may stay without a request. It can be replaced while they are served.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Longest time a connection may stay without a request; a clone is the same one.
#[derive(Debug, Clone)]
pub struct IdleTime(Arc<AtomicU64>);

impl IdleTime {
    /// Puts another time in force, for the connections that are made from now on.
    pub fn set(&self, time: Duration) {
        self.0.store(nanoseconds(time), Relaxed);
    }

    /// The time in force.
    pub(super) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Relaxed))
    }
}

impl From<Duration> for IdleTime {
    fn from(time: Duration) -> Self {
        Self(Arc::new(AtomicU64::new(nanoseconds(time))))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
