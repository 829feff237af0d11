//! The deadline as a value, and the time that it comes from.

use std::time::Duration;

use http::Extensions;
use tokio::time::Instant;

use super::TimeoutFuture;

/// When the answer's head must be there, as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

/// The time that one request has, from its head to its answer's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(pub(super) Duration);

impl Limit {
    /// When the answer's head must be there to a request that began at `started`.
    pub fn deadline(self, started: Instant) -> Deadline {
        Deadline(started + self.0)
    }

    /// Gives up what passes no layer: the answer to a request with this deadline.
    pub fn give_up<F>(self, deadline: Deadline, answer: F) -> TimeoutFuture<F> {
        TimeoutFuture::new(deadline, self.0, answer)
    }
}

impl Deadline {
    /// The deadline of a request; none where no layer has stamped one.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// The earlier of what the request has and `limit` from now.
    pub(super) fn stamp(extensions: &mut Extensions, limit: Limit) -> Self {
        let own = limit.deadline(Instant::now());
        let deadline = Self::of(extensions).map_or(own, |earlier| earlier.min(own));
        extensions.insert(deadline);
        deadline
    }
}
