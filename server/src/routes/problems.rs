//! What the API says when it does not do what was asked: one function a case.

use http::Method;
use kivi_api::key::KeyError;
use kivi_api::{Problem, ProblemType};
use kivi_store::StoreError;

use super::body::{self, BodyError};
use super::preconditions::MalformedTags;

/// Seconds after which a client may try again when nothing tells a better time.
const RETRY_SECONDS: u64 = 1;

pub(super) fn replaying() -> Problem {
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

pub(super) fn method(method: &Method) -> Problem {
    Problem::new(
        ProblemType::MethodNotAllowed,
        format!("A key does not know the method {method}; it knows GET, HEAD, PUT and DELETE."),
    )
}

pub(super) fn query(query: &str) -> Problem {
    let name: String = query.split(['=', '&']).next().unwrap_or_default().chars().take(40).collect();
    Problem::new(
        ProblemType::BadRequest,
        format!("A key knows no query parameter `{name}`; write a `?` that belongs to the key as `%3F`."),
    )
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

pub(super) fn time_to_live() -> Problem {
    Problem::new(
        ProblemType::BadRequest,
        "This version keeps every value until it is deleted; send the value without Kivi-Ttl.",
    )
}

pub(super) fn media_type(limit: usize) -> Problem {
    Problem::new(
        ProblemType::BadRequest,
        format!("Content-Type is not one field of at most {limit} visible ASCII characters."),
    )
}

pub(super) fn body(error: BodyError, limit: usize) -> Problem {
    match error {
        BodyError::TooLarge => Problem::new(
            ProblemType::ValueTooLarge,
            format!("The value is too large; this store takes at most {limit} bytes (limits.valueBytes)."),
        )
        .with_limit("limits.valueBytes", as_u64(limit)),
        BodyError::Broken => Problem::new(ProblemType::BadRequest, "The request ended before its body did."),
        BodyError::Stalled => Problem::new(
            ProblemType::Timeout,
            format!(
                "No byte of the value came for {} s; send it without such pauses.",
                body::STALL.as_secs()
            ),
        ),
    }
}

/// What the store refused.
pub(super) fn store(error: &StoreError) -> Problem {
    match *error {
        StoreError::ConditionFailed { current } => precondition_failed(current),
        StoreError::MemoryFull { limit } => Problem::new(
            ProblemType::MemoryFull,
            format!("The memory of {limit} bytes for keys and values is used up (limits.memory); delete keys or raise the limit."),
        )
        .with_limit("limits.memory", limit),
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
