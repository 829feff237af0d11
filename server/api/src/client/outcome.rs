//! What successful calls return, read from the answer's header fields.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::ClientError;
use crate::headers::{IDEMPOTENCY_REPLAYED, KIVI_CREATED, KIVI_REVISION, KIVI_TTL};

/// A write that was made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Revision of the value, which is also its entity tag.
    pub revision: u64,
    /// Entity tag of the value.
    pub etag: HeaderValue,
    /// Whether the key had no value before.
    pub created: bool,
    /// Whether this is what an earlier request of the same idempotency key did.
    pub replayed: bool,
}

/// All that is known of a value but its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Revision of the value.
    pub revision: u64,
    /// Entity tag of the value.
    pub etag: HeaderValue,
    /// Media type it was stored with.
    pub media_type: HeaderValue,
    /// How long the key still lives, to the millisecond; None: until it is deleted.
    pub ttl: Option<Duration>,
    /// Every header field of the answer, for those that a proxy added.
    pub headers: HeaderMap,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Its bytes.
    pub bytes: Bytes,
    /// All else.
    pub metadata: Metadata,
}

/// A deletion that was made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// Revision of the deletion; None when the key had no value.
    pub revision: Option<u64>,
}

impl Written {
    pub(super) fn read<B>(response: &Response<B>) -> Result<Self, ClientError> {
        let headers = response.headers();
        Ok(Self {
            revision: number(headers, &KIVI_REVISION, "Kivi-Revision")?,
            etag: value(headers, &ETAG, "ETag")?,
            created: number(headers, &KIVI_CREATED, "Kivi-Created")?,
            replayed: replayed(headers),
        })
    }
}

impl Metadata {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ClientError> {
        Ok(Self {
            revision: number(headers, &KIVI_REVISION, "Kivi-Revision")?,
            etag: value(headers, &ETAG, "ETag")?,
            media_type: value(headers, &CONTENT_TYPE, "Content-Type")?,
            ttl: headers.get(KIVI_TTL).map(ttl).transpose()?,
            headers: headers.clone(),
        })
    }
}

impl Value {
    pub(super) fn read(response: Response<Bytes>) -> Result<Self, ClientError> {
        Ok(Self { metadata: Metadata::read(response.headers())?, bytes: response.into_body() })
    }
}

impl Deleted {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ClientError> {
        let revision = headers
            .contains_key(KIVI_REVISION)
            .then(|| number(headers, &KIVI_REVISION, "Kivi-Revision"))
            .transpose()?;
        Ok(Self { revision })
    }
}

/// Whether an answer is that of an earlier request.
pub(super) fn replayed(headers: &HeaderMap) -> bool {
    headers.contains_key(IDEMPOTENCY_REPLAYED)
}

/// What is left of a time to live, which the server tells in milliseconds.
fn ttl(value: &HeaderValue) -> Result<Duration, ClientError> {
    let left = value.to_str().ok().and_then(|text| text.strip_suffix("ms")?.parse().ok());
    left.map(Duration::from_millis).ok_or(ClientError::Answer { field: "Kivi-Ttl" })
}

fn value(headers: &HeaderMap, name: &HeaderName, field: &'static str) -> Result<HeaderValue, ClientError> {
    headers.get(name).cloned().ok_or(ClientError::Answer { field })
}

fn number<T: FromStr>(headers: &HeaderMap, name: &HeaderName, field: &'static str) -> Result<T, ClientError> {
    headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok()).ok_or(ClientError::Answer { field })
}
