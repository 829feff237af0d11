//! A load that asks whether a stored answer is current still (RFC 9111, 4.3), and what becomes of that answer
//! if it is.
//!
//! Only an entity tag is asked about. A date of modification has whole seconds: of two writes in one second
//! it would hide the second.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};

use super::{CacheBody, conditional, head::strip_hop_by_hop, stored::Stored};

/// A stored answer with an entity tag.
#[derive(Debug)]
pub(super) struct Validation {
    stored: Arc<Stored>,
    tag: HeaderValue,
}

impl Validation {
    /// `None`: there is nothing to ask about. Only a 200 is known by its tag.
    pub(super) fn of(stored: Arc<Stored>) -> Option<Self> {
        let tag = stored.headers.get(header::ETAG).filter(|_| stored.status == StatusCode::OK)?.clone();
        conditional::is_tag(tag.as_bytes()).then_some(Self { stored, tag })
    }

    /// Adds the condition to the headers of a load.
    pub(super) fn ask(&self, load: &mut HeaderMap) {
        load.insert(header::IF_NONE_MATCH, self.tag.clone());
    }

    /// The stored answer with what a 304 with these headers changes of it. `None`: the 304 is about another
    /// answer, and must not be used (4.3.4).
    pub(super) fn confirmed(&self, not_modified: &mut HeaderMap) -> Option<Response<CacheBody>> {
        if !names(not_modified, &self.tag) {
            return None;
        }
        let mut response = Response::new(self.stored.body());
        *response.status_mut() = self.stored.status;
        *response.headers_mut() = self.stored.headers.clone();
        strip_hop_by_hop(not_modified);
        update(response.headers_mut(), not_modified);
        Some(response)
    }
}

/// Whether a 304 is about the answer with this tag. A strong tag says so by strong comparison, a weak one by
/// weak comparison. Without any it is about what was asked for, which is one answer only.
fn names(not_modified: &HeaderMap, tag: &HeaderValue) -> bool {
    not_modified.get(header::ETAG).is_none_or(|found| {
        found == tag
            || (found.as_bytes().starts_with(b"W/")
                && conditional::opaque(found.as_bytes()) == conditional::opaque(tag.as_bytes()))
    })
}

/// Replaces what the 304 has anew, except what tells of the stored bytes themselves (3.2). `Age` and `Date`
/// are those of the 304 or none: the old ones are of another moment.
fn update(stored: &mut HeaderMap, not_modified: &HeaderMap) {
    const OF_THE_BYTES: [HeaderName; 5] = [
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
        HeaderName::from_static("content-digest"),
        HeaderName::from_static("content-md5"),
    ];
    stored.remove(header::AGE);
    stored.remove(header::DATE);
    for name in not_modified.keys().filter(|name| !OF_THE_BYTES.contains(name)) {
        stored.remove(name);
        for value in not_modified.get_all(name) {
            stored.append(name.clone(), value.clone());
        }
    }
}

/// The same request, without the content that a load does not have.
pub(super) fn without_content<B: Default>(request: &Request<B>) -> Request<B> {
    let mut copy = Request::new(B::default());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_304_is_about_the_answer_that_its_tag_names() {
        for (stored, found, is_about) in [
            ("\"7\"", Some("\"7\""), true),
            ("\"7\"", Some("W/\"7\""), true),
            ("W/\"7\"", Some("W/\"7\""), true),
            ("W/\"7\"", Some("\"7\""), false),
            ("\"7\"", Some("\"8\""), false),
            ("\"7\"", Some("W/\"8\""), false),
            ("\"7\"", None, true),
        ] {
            let lines = found.map(|found| ("etag", found));
            let found = headers(lines.as_slice());
            assert_eq!(names(&found, &HeaderValue::from_static(stored)), is_about, "{stored} {found:?}");
        }
    }

    #[test]
    fn what_the_304_has_is_replaced_except_what_tells_of_the_bytes() {
        let mut stored = headers(&[
            ("etag", "\"7\""),
            ("content-length", "5"),
            ("content-encoding", "gzip"),
            ("content-digest", "sha-256=:x:"),
            ("cache-control", "max-age=5"),
            ("cache-control", "public"),
            ("x-kept", "1"),
            ("age", "3"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ]);
        let not_modified = headers(&[
            ("content-length", "0"),
            ("content-encoding", "br"),
            ("content-range", "bytes 0-0/1"),
            ("content-digest", "sha-256=:y:"),
            ("content-md5", "y"),
            ("cache-control", "max-age=9"),
            ("x-new", "2"),
            ("x-new", "3"),
        ]);
        update(&mut stored, &not_modified);
        let expected = headers(&[
            ("etag", "\"7\""),
            ("content-length", "5"),
            ("content-encoding", "gzip"),
            ("content-digest", "sha-256=:x:"),
            ("cache-control", "max-age=9"),
            ("x-kept", "1"),
            ("x-new", "2"),
            ("x-new", "3"),
        ]);
        assert_eq!(stored, expected);
    }
}
