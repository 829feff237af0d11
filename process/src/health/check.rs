//! The outcome of one check.

use serde::Serialize;

/// Whether a check passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It passes.
    Ok,
    /// It does not pass yet, and is expected to.
    Pending,
    /// It does not pass.
    Failing,
}

/// The outcome of one check, with a sentence for the person who reads the probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Whether it passes.
    pub state: State,
    /// What was seen.
    pub message: String,
}

impl Check {
    /// It passes.
    pub fn ok(message: impl Into<String>) -> Self {
        Self { state: State::Ok, message: message.into() }
    }

    /// It does not pass yet, and is expected to.
    pub fn pending(message: impl Into<String>) -> Self {
        Self { state: State::Pending, message: message.into() }
    }

    /// It does not pass.
    pub fn failing(message: impl Into<String>) -> Self {
        Self { state: State::Failing, message: message.into() }
    }
}
