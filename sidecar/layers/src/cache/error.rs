//! How a load fails, in a form that every reader of the flight can have.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use tower::BoxError;

/// A load failed. Cloned to every request that waited for it, and kept for
/// [`CachePolicy::error_ttl`](super::CachePolicy::error_ttl).
///
/// [`Error::source`] is the error of the inner service itself, so that the binary's edge can walk the
/// chain and downcast to tell a refused connection from a timeout.
#[derive(Debug, Clone)]
pub enum FillFailed {
    /// The inner service returned an error instead of an answer.
    NoAnswer(Arc<dyn Error + Send + Sync>),
    /// The answer's body failed before its end.
    Cut(Arc<dyn Error + Send + Sync>),
    /// The answer's body ended at another length than its Content-Length says.
    WrongLength {
        /// What Content-Length says, in bytes.
        declared: u64,
        /// What came, in bytes.
        received: u64,
    },
    /// The load took longer than [`CachePolicy::load_timeout`](super::CachePolicy::load_timeout).
    TimedOut {
        /// The time allowed.
        limit: Duration,
    },
    /// The load panicked or was dropped.
    Died,
    /// This reader held up the others for longer than
    /// [`CachePolicy::slow_reader`](super::CachePolicy::slow_reader).
    TooSlow,
    /// Every reader left before the end.
    Abandoned,
}

impl FillFailed {
    /// The inner service's error in place of an answer.
    pub(super) fn no_answer(error: impl Into<BoxError>) -> Self {
        Self::NoAnswer(Arc::from(error.into()))
    }

    /// The body's error.
    pub(super) fn cut(error: impl Into<BoxError>) -> Self {
        Self::Cut(Arc::from(error.into()))
    }

    /// Whether the load ran into its own deadline (a 504 rather than a 502).
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }
}

impl fmt::Display for FillFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(_) => {
                f.write_str("the upstream gave no answer to the load that this request shared")
            }
            Self::Cut(_) => f.write_str("the upstream's answer broke off before its end"),
            Self::WrongLength { declared, received } => {
                write!(f, "the upstream's answer says it has {declared} bytes, but {received} came")
            }
            Self::TimedOut { limit } => {
                write!(f, "the upstream did not complete its answer within {limit:?}")
            }
            Self::Died => f.write_str("the load that this request shared ended without a result"),
            Self::TooSlow => f.write_str("this reader held up the others that share a large answer"),
            Self::Abandoned => f.write_str("every request that shared the load left before its end"),
        }
    }
}

impl Error for FillFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoAnswer(error) | Self::Cut(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}
