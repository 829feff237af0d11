//! The names of Kivi's own header fields, and the fixed values of standard ones.

use http::{HeaderName, HeaderValue};

/// Whether a PUT made the key (`true`) or replaced its value (`false`).
pub const KIVI_CREATED: HeaderName = HeaderName::from_static("kivi-created");

/// Revision of the value that is returned, or of the write that was made; a decimal number.
pub const KIVI_REVISION: HeaderName = HeaderName::from_static("kivi-revision");

/// How long a value is to live; refused until the server knows it.
pub const KIVI_TTL: HeaderName = HeaderName::from_static("kivi-ttl");

/// Media type of a value that was stored without one.
pub const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Media type of an error (RFC 9457).
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The challenge that goes with every 401 (RFC 6750).
pub const BEARER_CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"kivi\"");
