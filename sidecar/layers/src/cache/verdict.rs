//! The decision about an answer, made when its headers are there: may others have it, and for how long?
//!
//! A function of the policy, the request's credentials and the answer's headers (RFC 9111, 3 and 4.2).

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use super::{
    CachePolicy, conditional, directives::Directives, freshness, freshness::Arrival, stale::Grace, targeted,
    vary::VaryNames,
};

/// What may be done with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every request that waits may have it.
    Shared(Sharing),
    /// Only the request that caused the load may have it.
    Unshared(Unshared),
}

/// How an answer is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sharing {
    /// How long it stays fresh from now on; `None` is not stored.
    pub(super) lifetime: Option<Duration>,
    /// How old it was when it came.
    pub(super) age: Duration,
    /// What it is good for after that lifetime.
    pub(super) grace: Grace,
    /// Whether requests that arrive while the body comes in may have it too. Not where the answer says
    /// itself that it is stale at once.
    pub(super) late_joins: bool,
    /// The request headers that select it.
    pub(super) vary: VaryNames,
}

impl Sharing {
    /// How a 304 is shared that is to a client's own conditions, where the whole answer would be shared like
    /// this and not be stored: with those who have the same conditions.
    pub(super) fn of_conditions(self) -> Self {
        Self { vary: self.vary.and(&conditional::FIELDS), ..self }
    }
}

/// Why an answer is for one request only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unshared {
    /// Its directives: `no-store`, `no-cache`, `private`, or stale at once with `must-revalidate`.
    Directive,
    /// It sets a cookie.
    Cookie,
    /// `Vary: *`.
    VaryStar,
    /// The request had credentials, and the answer does not say that others may have it (3.5).
    Credentials,
    /// It is longer than the policy's largest object.
    TooLarge,
    /// It is a stream of events without an end.
    Events,
    /// Its status is not one that may be stored without explicit freshness, or is about one request.
    Status,
}

impl Unshared {
    /// The `detail` of Cache-Status.
    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::Directive => "directive",
            Self::Cookie => "set-cookie",
            Self::VaryStar => "vary-star",
            Self::Credentials => "credentials",
            Self::TooLarge => "too-large",
            Self::Events => "event-stream",
            Self::Status => "status",
        }
    }

    /// Whether the next answer for the key is likely to be the same, so that coalescing is skipped for a
    /// while. Not for a status: one caller's bad request must not end the coalescing of all others.
    pub(super) fn is_remembered(self) -> bool {
        self != Self::Status
    }
}

/// Judges an answer. `length` is the body's, in bytes, where it is known.
pub(super) fn judge(
    policy: &CachePolicy,
    credentials: bool,
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<u64>,
    arrival: Arrival,
) -> Verdict {
    let mut directives = targeted::directives(headers);
    if directives.must_understand {
        if !is_understood(status) {
            return Verdict::Unshared(Unshared::Status);
        }
        directives.no_store = false;
    }
    match barrier(policy, credentials, &directives, headers, length) {
        Some(reason) => Verdict::Unshared(reason),
        None => share(policy, &directives, status, headers, arrival),
    }
}

/// What keeps an answer from being shared, whatever its freshness.
fn barrier(
    policy: &CachePolicy,
    credentials: bool,
    directives: &Directives,
    headers: &HeaderMap,
    length: Option<u64>,
) -> Option<Unshared> {
    if directives.no_store || directives.no_cache || directives.private {
        Some(Unshared::Directive)
    } else if headers.contains_key(header::SET_COOKIE) {
        Some(Unshared::Cookie)
    } else if credentials && !directives.allows_credentials() {
        Some(Unshared::Credentials)
    } else if is_event_stream(headers) {
        Some(Unshared::Events)
    } else if length.is_some_and(|length| length > policy.max_object_bytes) {
        Some(Unshared::TooLarge)
    } else {
        None
    }
}

fn share(
    policy: &CachePolicy,
    directives: &Directives,
    status: StatusCode,
    headers: &HeaderMap,
    arrival: Arrival,
) -> Verdict {
    let age = freshness::age(headers, arrival.delay);
    let explicit =
        freshness::explicit(directives, headers, arrival.now).map(|lifetime| lifetime.saturating_sub(age));
    let Some(vary) = VaryNames::of(headers) else {
        return Verdict::Unshared(Unshared::VaryStar);
    };
    if is_of_one_request(status) {
        return Verdict::Unshared(Unshared::Status);
    }
    let lifetime = match explicit {
        Some(Duration::ZERO) if directives.forbids_stale() => return Verdict::Unshared(Unshared::Directive),
        Some(lifetime) => lifetime,
        None if status.is_server_error() => policy.error_ttl,
        None if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) => policy.negative_ttl,
        None if directives.public || is_heuristically_cacheable(status) => policy.ttl,
        None => return Verdict::Unshared(Unshared::Status),
    };
    // Stale at once by its own word, and by its own word served so while it is refreshed.
    let refreshed =
        explicit.is_some() && directives.stale_while_revalidate.is_some_and(|time| !time.is_zero());
    Verdict::Shared(Sharing {
        lifetime: (!lifetime.is_zero() || refreshed).then_some(lifetime),
        age,
        grace: Grace::of(policy, directives, status),
        late_joins: explicit != Some(Duration::ZERO) || refreshed,
        vary,
    })
}

/// Answers to something that only this request asked: a part, a validation, another protocol.
fn is_of_one_request(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The statuses of RFC 9110 without 206 and 304: none of them asks more of a cache than any other. Only
/// these may be stored where the answer says `must-understand`, and then in spite of a `no-store` that is
/// there for caches that do not know that directive (RFC 9111, 5.2.2.3).
fn is_understood(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=205 | 300..=303 | 305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 500..=505)
}

/// RFC 9110, 15.1, without 206.
fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    const EVENTS: &[u8] = b"text/event-stream";
    headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        value.as_bytes().get(..EVENTS.len()).is_some_and(|start| start.eq_ignore_ascii_case(EVENTS))
    })
}

#[cfg(test)]
mod tests;
