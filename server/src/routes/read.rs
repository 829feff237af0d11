//! GET and HEAD of a key.

use std::time::SystemTime;

use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Method, Response, StatusCode};
use kivi_api::etag;
use kivi_api::headers::{KIVI_REVISION, KIVI_TTL, OCTET_STREAM};
use kivi_store::{Entry, Store};

use super::answer::{Answer, Body};
use super::preconditions::{Found, Preconditions, Verdict};
use super::range::{self, Part};
use super::{problems, ttl};

const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// The value of a key, or what the request's conditions make of it.
pub(super) fn answer(store: &Store, key: &[u8], method: &Method, headers: &HeaderMap) -> Answer {
    let preconditions = Preconditions::read(headers).map_err(|error| problems::malformed_tags(&error))?;
    let entry = store.get(key).ok_or_else(problems::absent)?;
    match preconditions.evaluate(true, Some(found(&entry))) {
        Verdict::Failed => return Err(problems::precondition_failed(Some(entry.revision))),
        Verdict::NotModified => return Ok(not_modified(&entry)),
        Verdict::Proceed => {}
    }
    // Section 14.2: `Range` is defined for GET alone.
    let part = if *method == Method::GET {
        range::part(headers, entry.value.len(), entry.revision)
    } else {
        Part::Whole
    };
    let left = entry.expires.and_then(|expires| ttl::left(expires, store.now()));
    let mut response = match part {
        Part::Whole => whole(entry),
        Part::Bytes(range) => partial(entry, range),
        Part::Unsatisfiable => return Ok(unsatisfiable(entry.value.len())),
    };
    if let Some(left) = left {
        response.headers_mut().insert(KIVI_TTL, left);
    }
    Ok(response)
}

pub(super) fn found(entry: &Entry) -> Found {
    Found { revision: entry.revision, modified: entry.modified }
}

fn whole(entry: Entry) -> Response<Body> {
    let mut response = Response::new(Body::default());
    let headers = response.headers_mut();
    headers.reserve(8);
    let media_type = entry.media_type.as_deref().and_then(|name| HeaderValue::from_str(name).ok());
    headers.insert(CONTENT_TYPE, media_type.unwrap_or(OCTET_STREAM));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(entry.value.len()));
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(ACCEPT_RANGES, BYTES);
    validators(headers, &entry);
    *response.body_mut() = Body::from(entry.value);
    response
}

fn partial(mut entry: Entry, range: std::ops::Range<usize>) -> Response<Body> {
    let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, entry.value.len());
    entry.value = entry.value.slice(range);
    let mut response = whole(entry);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    insert_text(response.headers_mut(), CONTENT_RANGE, &content_range);
    response
}

fn unsatisfiable(length: usize) -> Response<Body> {
    let mut response: Response<Body> = problems::range(length).into_response();
    insert_text(response.headers_mut(), CONTENT_RANGE, &format!("bytes */{length}"));
    response
}

fn not_modified(entry: &Entry) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    validators(response.headers_mut(), entry);
    response
}

fn validators(headers: &mut HeaderMap, entry: &Entry) {
    headers.insert(ETAG, etag::of_revision(entry.revision));
    headers.insert(KIVI_REVISION, HeaderValue::from(entry.revision));
    insert_text(
        headers,
        LAST_MODIFIED,
        &httpdate::fmt_http_date(last_modified(entry.modified, SystemTime::now())),
    );
}

/// Never later than the answer itself (RFC 9110 section 8.8.2.1), though the clock may have been set back since
/// the write.
fn last_modified(modified: SystemTime, now: SystemTime) -> SystemTime {
    modified.min(now)
}

/// Digits, dates and units always make a field's value.
fn insert_text(headers: &mut HeaderMap, name: http::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::last_modified;

    #[test]
    fn nothing_was_modified_in_the_future_of_a_clock_that_was_set_back() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(last_modified(at(7), at(9)), at(7));
        assert_eq!(last_modified(at(9), at(7)), at(7));
    }
}
