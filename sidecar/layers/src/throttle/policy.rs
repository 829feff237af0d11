//! The limit as a value.

use std::{num::NonZeroU32, time::Duration};

/// How many requests, how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_second: NonZeroU32,
    burst: NonZeroU32,
}

impl Rate {
    /// `per_second` tokens flow in a second; a bucket holds at most `burst`.
    pub const fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { per_second, burst }
    }

    /// Tokens a second.
    pub const fn per_second(self) -> u32 {
        self.per_second.get()
    }

    /// Tokens a bucket holds.
    pub const fn burst(self) -> u32 {
        self.burst.get()
    }

    /// Time from one token to the next, at least a nanosecond.
    pub(super) fn interval(self) -> Duration {
        Duration::from_nanos((1_000_000_000 / u64::from(self.per_second())).max(1))
    }

    /// Time in which an empty bucket fills.
    pub(super) fn fill(self) -> Duration {
        self.interval().saturating_mul(self.burst())
    }

    /// [`Self::fill`] in whole seconds, rounded up.
    pub(super) fn window_seconds(self) -> u64 {
        u64::from(self.burst()).div_ceil(u64::from(self.per_second())).max(1)
    }
}

/// Who owns a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum By {
    /// Each client.
    #[default]
    Client,
    /// All clients together.
    Store,
}

impl By {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Store => "store",
        }
    }

    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Client => "this client",
            Self::Store => "all clients together",
        }
    }
}

/// What a request beyond the limit gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnExcess {
    /// A refusal, at once.
    #[default]
    Reject,
    /// Its turn, if that comes before its deadline; else a refusal, at once.
    Delay,
}
