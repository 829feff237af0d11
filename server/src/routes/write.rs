//! PUT and DELETE of a key.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use kivi_api::headers::{KIVI_CREATED, KIVI_REVISION};
use kivi_api::{Problem, etag};
use kivi_store::{Condition, Delete, Put, RequestId, Store, StoreError};

use super::answer::{Answer, Body};
use super::limits::Limits;
use super::preconditions::{Preconditions, Verdict};
use super::{body, idempotency, problems, query, read, ttl};

/// Longest `Content-Type` that is kept, in bytes; RFC 6838 allows a type name half of it.
const MEDIA_TYPE_BYTES: usize = 255;

/// How often conditions are evaluated on an observed entry before other writers are let win.
const ATTEMPTS: usize = 16;

/// A write whose head was read and found good; its body comes next.
pub(super) struct Write {
    store: Arc<Store>,
    key: Bytes,
    preconditions: Preconditions,
    limits: Limits,
    ttl: Option<Duration>,
    /// The request's own name.
    name: Option<Bytes>,
}

/// What happens to the key.
enum Change {
    Put { value: Bytes, media_type: Option<Arc<str>>, request: Option<RequestId> },
    Delete,
}

/// What happened to it.
struct Outcome {
    /// None: nothing, the key to delete was absent.
    revision: Option<u64>,
    created: bool,
    repeated: bool,
}

impl Write {
    pub(super) fn new<B>(
        store: &Arc<Store>,
        key: Cow<'_, [u8]>,
        request: &Request<B>,
        limits: Limits,
    ) -> Result<Self, Problem> {
        let (headers, query) = (request.headers(), request.uri().query());
        let preconditions = Preconditions::read(headers).map_err(|error| problems::malformed_tags(&error))?;
        let (ttl, name) = if *request.method() == Method::PUT {
            (ttl::of_request(headers, query)?, idempotency::name(headers)?)
        } else {
            query::none(query)?;
            (None, None)
        };
        let key = Bytes::from(key.into_owned());
        Ok(Self { store: Arc::clone(store), key, preconditions, limits, ttl, name })
    }

    /// Reads the body, writes, and answers when the log vouches for the write.
    pub(super) async fn answer<B>(self, parts: &Parts, body: B) -> Answer
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        if parts.method == Method::DELETE {
            return self.delete().await;
        }
        let media_type = representation(&parts.headers)?;
        let limit = self.limits.value_bytes;
        let value = body::read(body, limit).await.map_err(|error| problems::value(error, limit))?;
        let request = self.request(parts, &value);
        self.put(Change::Put { value, media_type, request }).await
    }

    /// The request as the store knows it again: everything of it that makes a difference.
    fn request(&self, parts: &Parts, value: &[u8]) -> Option<RequestId> {
        let field = |name| parts.headers.get(name).map_or(&[][..], HeaderValue::as_bytes);
        let ttl = self.ttl.unwrap_or_default().as_millis().to_le_bytes();
        let parts: [&[u8]; 8] = [
            b"PUT",
            &self.key,
            &ttl,
            field(CONTENT_TYPE),
            field(IF_MATCH),
            field(IF_NONE_MATCH),
            field(IF_UNMODIFIED_SINCE),
            value,
        ];
        self.name.clone().map(|name| idempotency::request(name, &parts))
    }

    async fn put(self, change: Change) -> Answer {
        let outcome = self.conditionally(&change).await?;
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::CREATED;
        let headers = response.headers_mut();
        if let Some(revision) = outcome.revision {
            headers.insert(ETAG, etag::of_revision(revision));
            headers.insert(KIVI_REVISION, HeaderValue::from(revision));
        }
        let created = if outcome.created { "true" } else { "false" };
        headers.insert(KIVI_CREATED, HeaderValue::from_static(created));
        idempotency::mark(&mut response, outcome.repeated);
        Ok(response)
    }

    async fn delete(self) -> Answer {
        let outcome = self.conditionally(&Change::Delete).await?;
        let mut response = Response::new(Body::default());
        if let Some(revision) = outcome.revision {
            response.headers_mut().insert(KIVI_REVISION, HeaderValue::from(revision));
        }
        Ok(response)
    }

    /// Writes under the request's conditions. What the store cannot evaluate by itself is evaluated on
    /// the entry that is there now, and the write is bound to that entry; if another write was faster, once
    /// more.
    async fn conditionally(&self, change: &Change) -> Result<Outcome, Problem> {
        if let Some(condition) = self.preconditions.condition() {
            return self.write(change, condition).await.map_err(|error| problems::store(&error));
        }
        for _ in 0..ATTEMPTS {
            let found = self.store.get(&self.key).map(|entry| read::found(&entry));
            let current = found.map(|found| found.revision);
            if self.preconditions.evaluate(false, found) != Verdict::Proceed {
                return Err(problems::precondition_failed(current));
            }
            let bound = current.map_or(Condition::Absent, |revision| Condition::RevisionIn(vec![revision]));
            match self.write(change, bound).await {
                Err(StoreError::ConditionFailed { .. }) => {}
                outcome => return outcome.map_err(|error| problems::store(&error)),
            }
        }
        Err(problems::conflict())
    }

    async fn write(&self, change: &Change, condition: Condition) -> Result<Outcome, StoreError> {
        let key = self.key.clone();
        match change {
            Change::Put { value, media_type, request } => {
                let (value, media_type, request) = (value.clone(), media_type.clone(), request.clone());
                let put = Put { key, value, media_type, ttl: self.ttl, condition, request };
                let put = self.store.put(put).await?;
                Ok(Outcome { revision: Some(put.revision), created: put.created, repeated: put.repeated })
            }
            Change::Delete => {
                let deleted = self.store.delete(Delete { key, condition }).await?;
                Ok(Outcome { revision: deleted.revision, created: false, repeated: false })
            }
        }
    }
}

/// Checks what the request says of its body, and returns the media type to keep.
fn representation(headers: &HeaderMap) -> Result<Option<Arc<str>>, Problem> {
    if headers.contains_key(CONTENT_RANGE) {
        return Err(problems::content_range());
    }
    let chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    if !headers.get_all(TRANSFER_ENCODING).iter().all(chunked) {
        return Err(problems::transfer_coding());
    }
    let coded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(coded) {
        return Err(problems::content_coding());
    }
    let mut media_types = headers.get_all(CONTENT_TYPE).iter();
    let Some(media_type) = media_types.next() else {
        return Ok(None);
    };
    let text = media_type.to_str().ok().filter(|_| media_types.next().is_none());
    text.and_then(self::media_type).map(Some).ok_or_else(problems::media_type)
}

/// A media type that can be kept.
pub(crate) fn media_type(text: &str) -> Option<Arc<str>> {
    let visible = text.bytes().all(|byte| byte == b' ' || byte == b'\t' || byte.is_ascii_graphic());
    (visible && (1..=MEDIA_TYPE_BYTES).contains(&text.len())).then(|| Arc::from(text))
}
