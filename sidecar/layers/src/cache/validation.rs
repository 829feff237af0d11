//! A load that asks whether a stored answer is current still (RFC 9111, 4.3), and what becomes of that answer
//! if it is.
//!
//! It asks about the entity tag, else about the date of modification where that is a strong validator. A date
//! has whole seconds: of two writes in one second it would hide the second, for as long as there is no third.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};

use super::{CacheBody, conditional, head::strip_hop_by_hop, stored::Stored};

/// How long before its answer was made a date of modification has to lie, to be asked about. RFC 9110
/// (8.8.2.2) wants a second, and that both are of one clock or so far apart that it does not matter. This is
/// that far, and it covers an answer that was read before a write and dated after it.
const LEAST: Duration = Duration::from_mins(1);

/// A stored answer that the upstream can be asked about.
#[derive(Debug)]
pub(super) struct Validation {
    stored: Arc<Stored>,
    validator: Validator,
}

/// What it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Validator {
    Tag(HeaderValue),
    Date(HeaderValue),
}

impl Validation {
    /// `None`: there is nothing to ask about. Only a 200 is known by a validator.
    pub(super) fn of(stored: &Arc<Stored>) -> Option<Self> {
        let validator = Validator::of(&stored.headers).filter(|_| stored.status == StatusCode::OK)?;
        Some(Self { stored: Arc::clone(stored), validator })
    }

    /// Adds the condition to the headers of a load (4.3.1).
    pub(super) fn ask(&self, load: &mut HeaderMap) {
        match &self.validator {
            Validator::Tag(tag) => load.insert(header::IF_NONE_MATCH, tag.clone()),
            Validator::Date(date) => load.insert(header::IF_MODIFIED_SINCE, date.clone()),
        };
    }

    /// The stored answer with what a 304 with these headers changes of it. `None`: the 304 is about another
    /// answer, and must not be used (4.3.4).
    pub(super) fn confirmed(&self, not_modified: &mut HeaderMap) -> Option<Response<CacheBody>> {
        if !self.validator.is_named_by(not_modified) {
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

impl Validator {
    fn of(stored: &HeaderMap) -> Option<Self> {
        if let Some(tag) = stored.get(header::ETAG).filter(|tag| conditional::is_tag(tag.as_bytes())) {
            return Some(Self::Tag(tag.clone()));
        }
        let date = stored.get(header::LAST_MODIFIED)?;
        conditional::was_modified_before(stored, LEAST).then(|| Self::Date(date.clone()))
    }

    /// Whether a 304 is about the answer with this validator. A strong tag says so by strong comparison, a
    /// weak one by weak comparison. Without any it is about what was asked for, which is one answer only.
    fn is_named_by(&self, not_modified: &HeaderMap) -> bool {
        let found = not_modified.get(header::ETAG);
        match self {
            Self::Tag(tag) => found.is_none_or(|found| {
                found == tag
                    || (found.as_bytes().starts_with(b"W/")
                        && conditional::opaque(found.as_bytes()) == conditional::opaque(tag.as_bytes()))
            }),
            Self::Date(date) => {
                let modified = not_modified.get(header::LAST_MODIFIED);
                found.is_none() && modified.is_none_or(|modified| modified == date)
            }
        }
    }
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
            let validator = Validator::Tag(HeaderValue::from_static(stored));
            assert_eq!(validator.is_named_by(&found), is_about, "{stored} {found:?}");
        }
    }

    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const A_MINUTE_LATER: &str = "Sun, 06 Nov 1994 08:50:37 GMT";

    #[test]
    fn or_that_its_date_names() {
        let validator = Validator::Date(HeaderValue::from_static(MODIFIED));
        for (lines, is_about) in [
            (&[][..], true),
            (&[("last-modified", MODIFIED)], true),
            (&[("last-modified", A_MINUTE_LATER)], false),
            (&[("last-modified", MODIFIED), ("etag", "\"7\"")], false),
        ] {
            assert_eq!(validator.is_named_by(&headers(lines)), is_about, "{lines:?}");
        }
    }

    #[test]
    fn a_date_is_asked_about_where_it_is_strong_and_there_is_no_tag() {
        let (modified, date) = (("last-modified", MODIFIED), ("date", A_MINUTE_LATER));
        let by_tag = Some(Validator::Tag(HeaderValue::from_static("\"7\"")));
        let by_date = Some(Validator::Date(HeaderValue::from_static(MODIFIED)));
        for (lines, expected) in [
            (&[modified, date, ("etag", "\"7\"")][..], by_tag),
            (&[modified, date], by_date.clone()),
            (&[modified, date, ("etag", "7")], by_date),
            (&[modified, ("date", "Sun, 06 Nov 1994 08:50:36 GMT")], None),
            (&[modified], None),
            (&[("last-modified", "1994"), date], None),
        ] {
            assert_eq!(Validator::of(&headers(lines)), expected, "{lines:?}");
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
