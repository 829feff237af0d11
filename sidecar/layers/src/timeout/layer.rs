//! The layer's configuration.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tower::Layer;

use super::{Limit, Timeout};

/// Gives up requests that get no answer in time. All services it makes share that time.
#[derive(Debug, Clone)]
pub struct TimeoutLayer {
    /// In nanoseconds. A number alone: nothing else is read by it, so no order is needed.
    limit: Arc<AtomicU64>,
}

impl TimeoutLayer {
    /// `limit` is the time from a request's head to its answer's head.
    pub fn new(limit: Duration) -> Self {
        Self { limit: Arc::new(AtomicU64::new(nanoseconds(limit))) }
    }

    /// Puts another time in force, for the requests that come from now on.
    pub fn set_limit(&self, limit: Duration) {
        self.limit.store(nanoseconds(limit), Relaxed);
    }

    /// The time in force, for a request that passes no layer.
    pub fn limit(&self) -> Limit {
        Limit(Duration::from_nanos(self.limit.load(Relaxed)))
    }
}

fn nanoseconds(limit: Duration) -> u64 {
    u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Timeout::new(inner, self.clone())
    }
}
