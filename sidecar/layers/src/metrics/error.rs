//! Why a request has no status of its own, as a label.

/// How a request ended that did not end well, beside its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unfinished {
    /// The client left before the answer's head.
    Cancelled,
    /// The service failed without an answer.
    Service,
    /// The answer's body broke off.
    ResponseBody,
}

impl Unfinished {
    /// The value of the label `error_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Service => "_OTHER",
            Self::ResponseBody => "response_body",
        }
    }
}
