//! PUT and DELETE of a key.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body as HttpBody;
use kivi_api::headers::{KIVI_CREATED, KIVI_REVISION, KIVI_TTL};
use kivi_api::{Problem, etag};
use kivi_store::{Condition, Delete, Put, Store, StoreError};

use super::preconditions::{Preconditions, Verdict};
use super::{Answer, Body, Limits, body, problems, read};

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
}

/// What happens to the key.
enum Change {
    Put { value: Bytes, media_type: Option<Arc<str>> },
    Delete,
}

/// What happened to it.
struct Outcome {
    /// None: nothing, the key to delete was absent.
    revision: Option<u64>,
    created: bool,
}

impl Write {
    pub(super) fn new(
        store: &Arc<Store>,
        key: Cow<'_, [u8]>,
        headers: &HeaderMap,
        limits: Limits,
    ) -> Result<Self, Problem> {
        let preconditions = Preconditions::read(headers).map_err(|error| problems::malformed_tags(&error))?;
        Ok(Self { store: Arc::clone(store), key: Bytes::from(key.into_owned()), preconditions, limits })
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
        let value = body::read(body, limit).await.map_err(|error| problems::body(error, limit))?;
        self.put(value, media_type).await
    }

    async fn put(self, value: Bytes, media_type: Option<Arc<str>>) -> Answer {
        let outcome = self.conditionally(&Change::Put { value, media_type }).await?;
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::CREATED;
        let headers = response.headers_mut();
        if let Some(revision) = outcome.revision {
            headers.insert(ETAG, etag::of_revision(revision));
            headers.insert(KIVI_REVISION, HeaderValue::from(revision));
        }
        let created = if outcome.created { "true" } else { "false" };
        headers.insert(KIVI_CREATED, HeaderValue::from_static(created));
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
            Change::Put { value, media_type } => {
                let (value, media_type) = (value.clone(), media_type.clone());
                let put = self.store.put(Put { key, value, media_type, condition }).await?;
                Ok(Outcome { revision: Some(put.revision), created: put.created })
            }
            Change::Delete => {
                let deleted = self.store.delete(Delete { key, condition }).await?;
                Ok(Outcome { revision: deleted.revision, created: false })
            }
        }
    }
}

/// Checks what the request says of its body, and returns the media type to keep.
fn representation(headers: &HeaderMap) -> Result<Option<Arc<str>>, Problem> {
    // Kept for a value that lives for ever, it would be a promise broken in silence.
    if headers.contains_key(&KIVI_TTL) {
        return Err(problems::time_to_live());
    }
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
    match media_type.to_str() {
        Ok(text) if media_types.next().is_none() && (1..=MEDIA_TYPE_BYTES).contains(&text.len()) => {
            Ok(Some(Arc::from(text)))
        }
        _ => Err(problems::media_type(MEDIA_TYPE_BYTES)),
    }
}
