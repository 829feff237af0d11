//! Why a call of the client failed.

use std::error::Error as StdError;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use crate::Problem;

/// A call that did not succeed, or a client that could not be built.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The URL cannot be used.
    #[error("cannot use the URL `{url}`: {reason}")]
    Url {
        /// The URL or path.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate authorities cannot be used.
    #[error("cannot use the CA certificates: {reason}")]
    Ca {
        /// What is wrong with them.
        reason: String,
    },
    /// The bearer token cannot be sent.
    #[error("cannot use the bearer token: it has characters that a header field may not have")]
    Token,
    /// The server answered with an error.
    #[error("the server refused: {0}")]
    Refused(Box<Problem>),
    /// No answer, or only half of one, came back. A write may or may not have been made.
    #[error("{call} failed: {reason}")]
    Transport {
        /// Method and URL.
        call: String,
        /// The whole chain of causes.
        reason: String,
    },
    /// No answer came in time. A write may or may not have been made.
    #[error("{call} was not answered within {timeout:?}")]
    Timeout {
        /// Method and URL.
        call: String,
        /// How long the client waited.
        timeout: Duration,
    },
    /// The name of a request cannot be sent.
    #[error("cannot use the idempotency key: it is not 1 to 255 visible ASCII characters and spaces")]
    IdempotencyKey,
    /// The body of an answer is not what it should be.
    #[error("the answer to {call} cannot be read: {reason}")]
    Body {
        /// Method and URL.
        call: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The answer is not one of Kivi.
    #[error("the answer is not one of a Kivi store: the `{field}` field is missing or malformed")]
    Answer {
        /// The header field.
        field: &'static str,
    },
}

impl ClientError {
    /// The problem that the server answered with.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// The status code that the server answered with.
    pub fn status(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.problem()?.status).ok()
    }

    pub(super) fn body(call: &str, reason: &impl ToString) -> Self {
        Self::Body { call: call.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn transport(call: &str, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let error = error.into();
        // hyper's outermost error says only "client error (Connect)"; the cause is further down.
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason.push_str(": ");
            reason.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::Transport { call: call.to_owned(), reason }
    }
}
