//! The kinds of problems: one table of slug, status and title.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const BASE: &str = "https://kivi.dev/problems/";

macro_rules! problem_types {
    ($($(#[doc = $meaning:literal])* $variant:ident = $slug:literal, $status:ident, $title:literal;)*) => {
        /// What kind of problem it is. On the wire, the URI `https://kivi.dev/problems/<slug>`.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemType {
            $($(#[doc = $meaning])* $variant,)*
            /// A type that this version does not know: read from others, never sent.
            #[default]
            Unknown,
        }

        impl ProblemType {
            /// Every kind that is sent.
            pub const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// The last part of the type's URI, stable for ever.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* Self::Unknown => "unknown" }
            }

            /// The status code that it is sent with.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR }
            }

            /// What it means, in a sentence.
            #[cfg(feature = "schema")]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),*).trim_ascii(),)* Self::Unknown => "Unknown." }
            }

            /// The kind in words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* Self::Unknown => "Unknown problem" }
            }
        }
    };
}

problem_types! {
    /// The request is malformed.
    BadRequest = "bad-request", BAD_REQUEST, "Bad request";
    /// No valid bearer token came with the request.
    Unauthorized = "unauthorized", UNAUTHORIZED, "Unauthorized";
    /// The token is valid but does not allow this.
    Forbidden = "forbidden", FORBIDDEN, "Forbidden";
    /// Nothing is there.
    NotFound = "not-found", NOT_FOUND, "Not found";
    /// The resource does not know the method; `Allow` says which it knows.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// The client sent its request too slowly.
    Timeout = "timeout", REQUEST_TIMEOUT, "Request timeout";
    /// Another write was faster.
    Conflict = "conflict", CONFLICT, "Conflict";
    /// A request of the same Idempotency-Key is under way.
    RequestInFlight = "request-in-flight", CONFLICT, "Request in flight";
    /// The Idempotency-Key belongs to another request.
    IdempotencyKeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "Idempotency key reused";
    /// What was asked for has been compacted away.
    Gone = "gone", GONE, "Gone";
    /// A condition of the request does not hold.
    PreconditionFailed = "precondition-failed", PRECONDITION_FAILED, "Precondition failed";
    /// The value is longer than the limit.
    ValueTooLarge = "value-too-large", PAYLOAD_TOO_LARGE, "Value too large";
    /// The body of a request of several operations is longer than the limit.
    RequestTooLarge = "request-too-large", PAYLOAD_TOO_LARGE, "Request too large";
    /// The key is longer than the limit.
    KeyTooLong = "key-too-long", URI_TOO_LONG, "Key too long";
    /// The media type or content coding cannot be kept.
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// No byte of the value is in the range asked for.
    RangeNotSatisfiable = "range-not-satisfiable", RANGE_NOT_SATISFIABLE, "Range not satisfiable";
    /// The client sends more requests than it may.
    TooManyRequests = "too-many-requests", TOO_MANY_REQUESTS, "Too many requests";
    /// The server behind the proxy cannot be reached or answered nonsense.
    UpstreamFailed = "upstream-failed", BAD_GATEWAY, "Upstream failed";
    /// Too much is in flight; nothing was done.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded";
    /// The server behind the proxy did not answer in time.
    UpstreamTimeout = "upstream-timeout", GATEWAY_TIMEOUT, "Upstream timeout";
    /// The process starts, ends or cannot serve for now.
    NotReady = "not-ready", SERVICE_UNAVAILABLE, "Not ready";
    /// The memory for keys and values is used up.
    MemoryFull = "memory-full", INSUFFICIENT_STORAGE, "Memory full";
    /// There are as many keys as there may be.
    KeysFull = "keys-full", INSUFFICIENT_STORAGE, "Keys full";
    /// The volume of the log is full.
    LogFull = "log-full", INSUFFICIENT_STORAGE, "Log full";
    /// A fault of the process.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error";
}

impl fmt::Display for ProblemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BASE)?;
        f.write_str(self.slug())
    }
}

impl Serialize for ProblemType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProblemType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let uri = String::deserialize(deserializer)?;
        let known =
            uri.strip_prefix(BASE).and_then(|slug| Self::ALL.into_iter().find(|kind| kind.slug() == slug));
        Ok(known.unwrap_or_default())
    }
}
