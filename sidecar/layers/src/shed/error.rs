//! Why a request was refused.

use thiserror::Error;

/// As many requests as allowed are in flight; a later try may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{limit} requests are in flight, as many as `sidecar.maxInFlight` allows; try again later")]
pub struct Overloaded {
    /// Requests in flight at once.
    pub limit: usize,
}
