//! A stored answer, and the answers made from it.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use tokio::time::Instant;

use super::{
    CacheBody, conditional,
    eviction::{Order, Rank, Ranked},
    flight::Flight,
    head::{Head, content_length},
    key::CacheKey,
    range::{self, Part},
    shard,
    stale::{Grace, Tolerance, Use},
    status::{CACHE_STATUS, CacheStatus},
    vary::Nominated,
    weight, wish,
    writes::Epoch,
};

/// The longest body, in bytes, that is lent: a longer one is better sent from where it lies.
const LENT: usize = 64 << 10;

/// An answer with all of its body. Its bytes are its own copies, in one buffer: the parts of an answer as it
/// comes from a connection keep that connection's whole read buffer alive.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) key: CacheKey,
    pub(super) rank: Rank,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Bytes,
    trailers: Option<Box<HeaderMap>>,
    pub(super) nominated: Nominated,
    since: Instant,
    /// How old it was when it came.
    age_then: Duration,
    lifetime: Duration,
    /// What it is good for after its lifetime.
    grace: Grace,
    /// The writes before its load began.
    began: Epoch,
    lendable: bool,
    /// Whether it may be about more than the resource that it names.
    about_many: bool,
    weight: u64,
}

impl Stored {
    /// The answer of a flight, to be kept; `None` where its head says that it is not stored.
    pub(super) fn new(
        flight: &Flight,
        head: &Head,
        chunks: &[Bytes],
        trailers: Option<HeaderMap>,
    ) -> Option<Self> {
        let lifetime = head.lifetime?;
        let values = |headers: &HeaderMap| headers.values().map(HeaderValue::len).sum::<usize>();
        let (header_bytes, trailer_bytes) = (values(&head.headers), trailers.as_ref().map_or(0, values));
        let length = header_bytes + trailer_bytes + chunks.iter().map(Bytes::len).sum::<usize>();
        let mut buffer = BytesMut::with_capacity(length);
        for value in head.headers.values().chain(trailers.iter().flat_map(HeaderMap::values)) {
            buffer.extend_from_slice(value.as_bytes());
        }
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
        }
        let buffer = buffer.freeze();
        let headers = compact(&head.headers, &buffer);
        let trailers = trailers.map(|trailers| Box::new(compact(&trailers, &buffer.slice(header_bytes..))));
        let body = buffer.slice(header_bytes + trailer_bytes..);
        let weight = weight::shared(size_of::<Self>())
            + weight::buffer(length)
            + weight::headers(&headers)
            + trailers.as_deref().map_or(0, weight::boxed_headers)
            + flight.key.weight()
            + head.nominated.weight()
            + weight::allocation(size_of::<Arc<Self>>())
            + shard::weight(flight.key.entry.is_plain())
            + Order::<Arc<Self>>::ENTRY;
        let lendable = body.len() <= LENT
            && trailers.is_none()
            && !is_bodiless(head.status)
            && !headers.contains_key(CACHE_STATUS);
        Some(Self {
            lendable,
            key: flight.key.clone(),
            rank: Rank::new(),
            status: head.status,
            age_then: head.age,
            headers,
            body,
            trailers,
            nominated: head.nominated.clone(),
            since: head.since,
            lifetime,
            grace: head.grace,
            began: flight.began,
            about_many: flight.key.is_about_many(),
            weight: weight as u64,
        })
    }

    /// Its bytes in memory, overhead included.
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    /// The freshness that is left; `None`: stale.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        self.lifetime.checked_sub(now.duration_since(self.since)).filter(|left| !left.is_zero())
    }

    /// What it is good for, for a request with these headers; `writes` are those until now.
    pub(super) fn use_for(&self, request: &HeaderMap, now: Instant, writes: Epoch) -> Use {
        match self.left(now) {
            Some(left) if wish::takes(request, self.age(now), left) => Use::Fresh,
            Some(_) => Use::NotThis,
            None if !self.began.is_unwritten(writes, self.about_many) => Use::Spent,
            None => self.grace.at(self.staleness(now), Tolerance::of(request)),
        }
    }

    /// Whether it is served in place of a failure, to a request with these headers.
    pub(super) fn covers_failure(&self, request: &HeaderMap, now: Instant, writes: Epoch) -> bool {
        self.left(now).is_some_and(|left| wish::takes(request, self.age(now), left))
            || (self.began.is_unwritten(writes, self.about_many)
                && self.grace.covers_failure(self.staleness(now), Tolerance::of(request)))
    }

    /// Whether no write that may change it was acknowledged since its load began.
    pub(super) fn is_unwritten(&self, writes: Epoch) -> bool {
        self.began.is_unwritten(writes, self.about_many)
    }

    /// Whether it is served in place of a failure, to a request with these headers, while nobody knows what has
    /// changed: its freshness says nothing then.
    pub(super) fn stands_in(&self, request: &HeaderMap, now: Instant, writes: Epoch) -> bool {
        self.is_unwritten(writes) && self.grace.covers_failure(self.staleness(now), Tolerance::of(request))
    }

    /// Its freshness in whole seconds, rounded down; negative by how long it has been stale (RFC 9211, 2.5).
    pub(super) fn ttl(&self, now: Instant) -> i64 {
        let staleness = self.staleness(now);
        let left = self.left(now).unwrap_or_default().as_secs();
        let late = staleness.as_secs() + u64::from(staleness.subsec_nanos() > 0);
        left.cast_signed() - late.cast_signed()
    }

    /// Its age (RFC 9111, 4.2.3).
    pub(super) fn age(&self, now: Instant) -> Duration {
        self.age_then + now.duration_since(self.since)
    }

    fn staleness(&self, now: Instant) -> Duration {
        now.duration_since(self.since).saturating_sub(self.lifetime)
    }

    /// The answer to a GET or HEAD with the headers `request`.
    pub(super) fn answer(
        &self,
        request: &HeaderMap,
        is_head: bool,
        now: Instant,
        status: CacheStatus,
    ) -> Response<CacheBody> {
        let (code, mut headers, body) = self.reply(request, is_head);
        headers.insert(header::AGE, HeaderValue::from(self.age(now).as_secs()));
        status.add_to(&mut headers);
        let mut response = Response::new(body);
        *response.status_mut() = code;
        *response.headers_mut() = headers;
        response
    }

    /// Status, headers and body of that answer. Conditions go before ranges (RFC 9110, 13.2.2), and both
    /// are for a 200 only.
    fn reply(&self, request: &HeaderMap, is_head: bool) -> (StatusCode, HeaderMap, CacheBody) {
        let is_ok = self.status == StatusCode::OK;
        if is_ok && conditional::is_unchanged(request, &self.headers) {
            return (StatusCode::NOT_MODIFIED, conditional::not_modified(&self.headers), CacheBody::empty());
        }
        let length = self.body.len();
        if is_ok && !is_head {
            match range::part(request, &self.headers, length) {
                Part::Whole => {}
                Part::Bytes(part) => {
                    let body = CacheBody::whole(self.body.slice(part.clone()), None);
                    return (StatusCode::PARTIAL_CONTENT, self.of_part(&part), body);
                }
                Part::Unsatisfiable => {
                    let mut headers = HeaderMap::new();
                    insert_text(&mut headers, header::CONTENT_RANGE, format!("bytes */{length}"));
                    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
                    return (StatusCode::RANGE_NOT_SATISFIABLE, headers, CacheBody::empty());
                }
            }
        }
        let mut headers = self.headers.clone();
        // Trailers follow chunks, which a declared length excludes (RFC 9112, 6.2).
        let is_declared = headers.contains_key(header::CONTENT_LENGTH) || self.trailers.is_some();
        if !is_declared && !is_bodiless(self.status) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let body = if is_head { CacheBody::empty() } else { self.body() };
        (self.status, headers, body)
    }

    /// Whether an answer of this status with these headers, to a GET or HEAD that selects this one, shows
    /// that it is outdated: by a validator or a length that is not its own (RFC 9111, 4.3.5), or by saying
    /// that there is nothing any more.
    pub(super) fn is_outdated_by(&self, status: StatusCode, newer: &HeaderMap) -> bool {
        let differs = |name| newer.get(&name).is_some_and(|value| self.headers.get(&name) != Some(value));
        let is_another =
            || self.status != StatusCode::OK || differs(header::ETAG) || differs(header::LAST_MODIFIED);
        match status {
            StatusCode::OK => {
                is_another() || content_length(newer).is_some_and(|length| length != self.body.len() as u64)
            }
            // A part's length is its own, and a 304 is about what the client has.
            StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED => is_another(),
            StatusCode::NOT_FOUND | StatusCode::GONE => self.status == StatusCode::OK,
            _ => false,
        }
    }

    /// All of its body.
    pub(super) fn content(&self) -> &Bytes {
        &self.body
    }

    /// Whether its bytes are an answer as they are, but for its age and how it came about, and are few.
    pub(super) fn is_lendable(&self) -> bool {
        self.lendable
    }

    /// All of its body, and what trails it.
    pub(super) fn body(&self) -> CacheBody {
        CacheBody::whole(self.body.clone(), self.trailers.as_deref().cloned())
    }

    /// The headers of a 206 (RFC 9110, 15.3.7): without what is about the content as a whole.
    fn of_part(&self, part: &Range<usize>) -> HeaderMap {
        let mut headers = self.headers.clone();
        for whole in ["content-md5", "content-digest", "trailer"] {
            headers.remove(whole);
        }
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(part.len()));
        let (last, length) = (part.end - 1, self.body.len());
        insert_text(&mut headers, header::CONTENT_RANGE, format!("bytes {}-{last}/{length}", part.start));
        headers
    }
}

impl Ranked for Arc<Stored> {
    fn rank(&self) -> &Rank {
        &self.rank
    }

    fn weight(&self) -> u64 {
        self.weight
    }
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

fn is_bodiless(status: StatusCode) -> bool {
    status == StatusCode::NO_CONTENT
}

/// A copy of the headers, whose values are at the beginning of `buffer`.
fn compact(headers: &HeaderMap, buffer: &Bytes) -> HeaderMap {
    let mut compacted = HeaderMap::with_capacity(headers.keys_len());
    let mut start = 0;
    for (name, value) in headers {
        let end = start + value.len();
        let own = HeaderValue::from_maybe_shared(buffer.slice(start..end)).unwrap_or_else(|_| value.clone());
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).unwrap_or_else(|_| name.clone());
        compacted.append(&name, own);
        start = end;
    }
    compacted
}
