//! What went wrong, as one sentence a person can act on.

use std::fmt;

/// A failed step of a test's set-up or of the demo.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure with its whole sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// What was being done when `cause` came.
    pub fn doing(what: &str, cause: impl fmt::Display) -> Self {
        Self(format!("{what}: {cause}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
