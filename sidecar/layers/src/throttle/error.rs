//! Why a request was refused.

use std::time::Duration;

use thiserror::Error;

use super::{By, Rate};

/// The bucket is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("more than {} requests a second came from {}; the next may come in {} s", rate.per_second(), by.describe(), self.retry_after_seconds())]
pub struct Throttled {
    /// The limit that was hit.
    pub rate: Rate,
    /// Whose bucket it is.
    pub by: By,
    /// When there is a token again.
    pub wait: Duration,
}

impl Throttled {
    /// The value of `Retry-After`: whole seconds, rounded up, at least 1.
    pub fn retry_after_seconds(&self) -> u64 {
        let whole = self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0);
        whole.max(1)
    }

    /// The value of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11): quota and window.
    pub fn policy_field(&self) -> String {
        format!("\"{}\";q={};w={}", self.by.name(), self.rate.burst(), self.rate.window_seconds())
    }

    /// The value of `RateLimit` (the same draft): nothing remains, and when there is some again.
    pub fn remaining_field(&self) -> String {
        format!("\"{}\";r=0;t={}", self.by.name(), self.retry_after_seconds())
    }
}
