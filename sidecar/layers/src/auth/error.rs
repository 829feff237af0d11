//! Why a request was refused, and the challenge that goes with it.

use thiserror::Error;

/// The request may not pass without a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unauthorized {
    /// There is no token.
    #[error("this request needs a bearer token: send `Authorization: Bearer <token>`")]
    Missing,
    /// There is an `Authorization` that is no bearer token, or more than one.
    #[error("`Authorization` must be given once, as `Bearer <token>`")]
    Malformed,
    /// The token is not a valid one, or no longer.
    #[error("the bearer token is not valid")]
    Invalid,
}

impl Unauthorized {
    /// The value of `WWW-Authenticate`. A request that showed no token learns nothing but the scheme
    /// (RFC 6750, section 3.1).
    pub const fn challenge(self) -> &'static str {
        match self {
            Self::Missing => "Bearer realm=\"kivi\"",
            Self::Malformed => "Bearer realm=\"kivi\", error=\"invalid_request\"",
            Self::Invalid => "Bearer realm=\"kivi\", error=\"invalid_token\"",
        }
    }
}
