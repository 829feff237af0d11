//! The layer's configuration.

use std::time::Duration;

use tokio::time::Instant;
use tower::Layer;

use super::{Deadline, Timeout, TimeoutFuture};

/// Gives up requests that get no answer in time.
#[derive(Debug, Clone, Copy)]
pub struct TimeoutLayer {
    limit: Duration,
}

impl TimeoutLayer {
    /// `limit` is the time from a request's head to its answer's head.
    pub const fn new(limit: Duration) -> Self {
        Self { limit }
    }

    /// When the answer's head must be there to a request that began at `started`.
    pub fn deadline(&self, started: Instant) -> Deadline {
        Deadline(started + self.limit)
    }

    /// Gives up what passes no layer: the answer to a request with this deadline.
    pub fn give_up<F>(&self, deadline: Deadline, answer: F) -> TimeoutFuture<F> {
        TimeoutFuture::new(deadline, self.limit, answer)
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Timeout::new(inner, self.limit)
    }
}
