//! What a span calls a failure that has no status code.

use std::convert::Infallible;

/// A failure's name for the attribute `error.type`: a fixed word, never a message.
pub trait ErrorType {
    /// The name, as in `timeout`.
    fn error_type(&self) -> &'static str;
}

impl ErrorType for Infallible {
    fn error_type(&self) -> &'static str {
        match *self {}
    }
}

impl ErrorType for tower::BoxError {
    /// The conventions' word for an error without a name of its own.
    fn error_type(&self) -> &'static str {
        "_OTHER"
    }
}
