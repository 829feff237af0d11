//! The names of Kivi's own header fields, and the fixed values of standard ones.

use http::{HeaderName, HeaderValue};

/// Whether a PUT made the key (`true`) or replaced its value (`false`).
pub const KIVI_CREATED: HeaderName = HeaderName::from_static("kivi-created");

/// Revision of the value that is returned, or of the write that was made; a decimal number.
pub const KIVI_REVISION: HeaderName = HeaderName::from_static("kivi-revision");

/// How long a value is to live, or of an answer, still lives: whole seconds, or with units as in `1m30s` or `250ms`.
pub const KIVI_TTL: HeaderName = HeaderName::from_static("kivi-ttl");

/// A client's name for a request whose outcome is to be given again when it is repeated
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Whether an answer is that of an earlier request of the same name.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Of a watch: it is the sidecar's own, and counts against no limit. A server minds it on a Unix socket only, where a
/// sidecar is before it, which takes the field out of what clients send.
pub const KIVI_CHANGE_FEED: HeaderName = HeaderName::from_static("kivi-change-feed");

/// Which store a snapshot or a part of the log is of: 32 hexadecimal digits. A restored store is another one.
pub const KIVI_STORE_ID: HeaderName = HeaderName::from_static("kivi-store-id");

/// The hash of the state that a snapshot holds: 16 hexadecimal digits.
pub const KIVI_STATE_HASH: HeaderName = HeaderName::from_static("kivi-state-hash");

/// Media type of a value that was stored without one.
pub const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Where a watch goes on, as an `EventSource` says it that comes back: the last id it saw.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Media type of lists and transactions.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Media type of a list that has an entry a line.
pub const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Media type of a watch.
pub const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Media type of an error (RFC 9457).
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The challenge that goes with every 401 (RFC 6750).
pub const BEARER_CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"kivi\"");
