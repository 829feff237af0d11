//! What the API says when it does not do what was asked: one function a case.

use http::Method;
use kivi_api::key::KeyError;
use kivi_api::{Problem, ProblemType, Resource};
use kivi_store::{Lagged, PastError, SnapshotError, StoreError};

use super::body::{self, BodyError};
use super::preconditions::MalformedTags;

/// Seconds after which a client may try again when nothing tells a better time.
const RETRY_SECONDS: u64 = 1;

pub(crate) fn replaying() -> Problem {
    Problem::new(ProblemType::NotReady, "The server is reading its log and will serve when it is done.")
        .with_retry_after(RETRY_SECONDS)
}

pub(super) fn host() -> Problem {
    Problem::new(ProblemType::BadRequest, "An HTTP/1.1 request has exactly one Host field; send one.")
}

pub(super) fn bad_key(error: KeyError) -> Problem {
    let kind = match error {
        KeyError::NotAKey => ProblemType::NotFound,
        KeyError::Empty | KeyError::Malformed { .. } => ProblemType::BadRequest,
    };
    Problem::new(kind, sentence(&error))
}

pub(super) fn key_too_long(length: usize, limit: usize) -> Problem {
    Problem::new(
        ProblemType::KeyTooLong,
        format!("The key has {length} bytes; this store takes at most {limit} (limits.keyBytes)."),
    )
    .with_limit("limits.keyBytes", as_u64(limit))
}

pub(super) fn method(resource: Resource, method: &Method) -> Problem {
    let (name, known) = (resource.name(), resource.methods());
    let detail = format!("{name} does not know the method {method}; it knows {known}.");
    Problem { allow: Some(resource), ..Problem::new(ProblemType::MethodNotAllowed, detail) }
}

pub(super) fn unknown_parameter(what: &str, name: &str) -> Problem {
    let name: String = name.chars().take(40).collect();
    Problem::new(
        ProblemType::BadRequest,
        format!("{what} knows no query parameter `{name}`; write a `?` that belongs to a key as `%3F`."),
    )
}

/// A parameter or field whose value can't be used; `expected` completes "it is".
pub(super) fn malformed(name: &str, expected: &str) -> Problem {
    Problem::new(ProblemType::BadRequest, format!("`{name}` can't be read: it is {expected}."))
}

pub(super) fn past(error: &PastError) -> Problem {
    let kind = match error {
        PastError::Compacted { .. } => ProblemType::Gone,
        PastError::Future { .. } => ProblemType::BadRequest,
    };
    Problem::new(kind, sentence(error))
}

pub(super) fn lagged(error: Lagged) -> Problem {
    Problem::new(ProblemType::Gone, sentence(&error))
}

/// A snapshot that broke off is begun again like a watch that fell behind.
pub(super) fn too_slow(error: SnapshotError) -> Problem {
    Problem::new(ProblemType::Gone, sentence(&error))
}

pub(super) fn watchers(limit: usize) -> Problem {
    Problem::new(
        ProblemType::Overloaded,
        format!("There are {limit} watches already, and no more are taken (limits.watchers); end one or raise the limit."),
    )
    .with_limit("limits.watchers", as_u64(limit))
    .with_retry_after(RETRY_SECONDS)
}

pub(super) fn not_json() -> Problem {
    Problem::new(ProblemType::UnsupportedMediaType, "A transaction is JSON; send it as application/json.")
}

pub(super) fn transaction(reason: &str) -> Problem {
    Problem::new(ProblemType::BadRequest, format!("The transaction can't be read: {reason}."))
}

pub(super) fn operations(count: usize, limit: usize) -> Problem {
    Problem::new(
        ProblemType::RequestTooLarge,
        format!("The transaction has {count} conditions and operations; this store takes at most {limit} (limits.operations)."),
    )
    .with_limit("limits.operations", as_u64(limit))
}

pub(super) fn value_too_large(place: &str, limit: usize) -> Problem {
    Problem::new(
        ProblemType::ValueTooLarge,
        format!(
            "The value of {place} is too large; this store takes at most {limit} bytes (limits.valueBytes)."
        ),
    )
    .with_limit("limits.valueBytes", as_u64(limit))
}

pub(super) fn absent() -> Problem {
    Problem::new(ProblemType::NotFound, "The key has no value.")
}

pub(super) fn malformed_tags(error: &MalformedTags) -> Problem {
    Problem::new(ProblemType::BadRequest, sentence(error))
}

pub(super) fn precondition_failed(current: Option<u64>) -> Problem {
    let detail = match current {
        Some(revision) => format!("The condition does not hold: the key's value is of revision {revision}."),
        None => "The condition does not hold: the key has no value.".to_owned(),
    };
    Problem::new(ProblemType::PreconditionFailed, detail)
}

pub(super) fn conflict() -> Problem {
    Problem::new(
        ProblemType::Conflict,
        "Other writes to the key were faster each time the condition was evaluated; try again.",
    )
    .with_retry_after(RETRY_SECONDS)
}

pub(super) fn range(length: usize) -> Problem {
    Problem::new(
        ProblemType::RangeNotSatisfiable,
        format!("The value has {length} bytes, and none of them is in the range."),
    )
}

pub(super) fn content_coding() -> Problem {
    Problem::new(
        ProblemType::UnsupportedMediaType,
        "Content-Encoding is not kept; send the value as it is to be read, or name the coding in Content-Type.",
    )
}

pub(super) fn transfer_coding() -> Problem {
    Problem::new(
        ProblemType::UnsupportedMediaType,
        "The only transfer coding that is understood is chunked; send the value in no other one.",
    )
}

pub(super) fn content_range() -> Problem {
    Problem::new(
        ProblemType::BadRequest,
        "A part of a value cannot be written; send all of it, without Content-Range.",
    )
}

pub(super) fn media_type() -> Problem {
    Problem::new(
        ProblemType::BadRequest,
        "The media type is not one of at most 255 visible ASCII characters.",
    )
}

pub(super) fn value(error: BodyError, limit: usize) -> Problem {
    body(error, || value_too_large("the request", limit))
}

pub(super) fn request(error: BodyError, limit: usize) -> Problem {
    body(error, || {
        Problem::new(
            ProblemType::RequestTooLarge,
            format!(
                "The transaction is too large; this store takes at most {limit} bytes (limits.requestBytes)."
            ),
        )
        .with_limit("limits.requestBytes", as_u64(limit))
    })
}

fn body(error: BodyError, too_large: impl FnOnce() -> Problem) -> Problem {
    match error {
        BodyError::TooLarge => too_large(),
        BodyError::Broken => Problem::new(ProblemType::BadRequest, "The request ended before its body did."),
        BodyError::NoRoom => Problem::new(
            ProblemType::Overloaded,
            format!(
                "Bodies of {} MiB are being received, and none ended for {} s; try again.",
                body::ROOM_BYTES >> 20,
                body::STALL.as_secs()
            ),
        )
        .with_retry_after(RETRY_SECONDS),
        BodyError::Stalled => Problem::new(
            ProblemType::Timeout,
            format!(
                "No byte of the request came for {} s; send it without such pauses.",
                body::STALL.as_secs()
            ),
        ),
    }
}

/// What the store refused.
pub(crate) fn store(error: &StoreError) -> Problem {
    match *error {
        StoreError::ConditionFailed { current } => precondition_failed(current),
        StoreError::MemoryFull { limit } => Problem::new(
            ProblemType::MemoryFull,
            format!("The memory of {limit} bytes for keys and values is used up (limits.memory); delete keys or raise the limit."),
        )
        .with_limit("limits.memory", limit),
        StoreError::KeysFull { limit } => Problem::new(
            ProblemType::KeysFull,
            format!("There are {limit} keys, and no more are taken (limits.keys); delete keys or raise the limit."),
        )
        .with_limit("limits.keys", limit),
        StoreError::ConditionsFailed { ref failed } => Problem::new(
            ProblemType::PreconditionFailed,
            format!("{} of the transaction's conditions do not hold; nothing was written.", failed.len()),
        ),
        StoreError::DuplicateKey { .. } => Problem::new(ProblemType::BadRequest, sentence(error)),
        StoreError::RequestInFlight => {
            Problem::new(ProblemType::RequestInFlight, sentence(error)).with_retry_after(RETRY_SECONDS)
        }
        StoreError::RequestDiffers => Problem::new(ProblemType::IdempotencyKeyReused, sentence(error)),
        StoreError::LogFull => Problem::new(ProblemType::LogFull, sentence(error)),
        StoreError::LogFailed { .. } | StoreError::Closed => {
            Problem::new(ProblemType::NotReady, sentence(error)).with_retry_after(RETRY_SECONDS)
        }
        StoreError::EmptyKey => bad_key(KeyError::Empty),
        StoreError::TooLong { limit, .. } => {
            Problem::new(ProblemType::ValueTooLarge, sentence(error)).with_limit("log.format", as_u64(limit))
        }
    }
}

/// A sentence for people from an error's text: a capital at its start, a full stop at its end.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(['.']).collect()
}

fn as_u64(limit: usize) -> u64 {
    u64::try_from(limit).unwrap_or(u64::MAX)
}
