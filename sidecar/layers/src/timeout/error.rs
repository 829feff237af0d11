//! Why a request was given up.

use std::time::Duration;

use thiserror::Error;

/// The answer's head was not there in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there was no answer within {limit:?}, the time that `sidecar.timeouts.request` allows")]
pub struct TimedOut {
    /// The time allowed from a request's head to its answer's.
    pub limit: Duration,
}
