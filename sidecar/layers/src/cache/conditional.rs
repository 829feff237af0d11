//! The conditions by which a client validates what it has (RFC 9110, 13.1.2, 13.1.3, 13.2.2).

use std::time::Duration;

use http::{HeaderMap, HeaderName, header};

use super::{directives::split_list, freshness::date, targeted::CDN_CACHE_CONTROL};

/// The fields of these conditions.
pub(super) const FIELDS: [HeaderName; 2] = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE];

/// Whether the client's copy is the one with these headers, so that the answer is 304.
/// `If-Modified-Since` counts only without `If-None-Match`.
pub(super) fn is_unchanged(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if request.contains_key(header::IF_NONE_MATCH) {
        return is_listed(request, stored);
    }
    let since = request.get(header::IF_MODIFIED_SINCE).and_then(date);
    let modified = stored.get(header::LAST_MODIFIED).and_then(date);
    matches!((since, modified), (Some(since), Some(modified)) if modified <= since)
}

/// Whether `If-None-Match` has `*` or the stored tag, by weak comparison (8.8.3.2).
fn is_listed(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let tag = stored.get(header::ETAG).map(|tag| opaque(tag.as_bytes()));
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .flat_map(|line| split_list(line.as_bytes()))
        .any(|member| member == b"*" || Some(opaque(member)) == tag)
}

/// The fields of a 304 about the answer with these (15.4.5).
pub(super) fn not_modified(whole: &HeaderMap) -> HeaderMap {
    const KEPT: [HeaderName; 8] = [
        header::CACHE_CONTROL,
        CDN_CACHE_CONTROL,
        header::CONTENT_LOCATION,
        header::DATE,
        header::ETAG,
        header::EXPIRES,
        header::LAST_MODIFIED,
        header::VARY,
    ];
    let mut headers = HeaderMap::with_capacity(KEPT.len() + 2);
    for name in KEPT {
        for value in whole.get_all(&name) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

/// Whether an answer was made `least` or more after it was last modified (8.8.2.2).
pub(super) fn was_modified_before(answer: &HeaderMap, least: Duration) -> bool {
    let at = |name| answer.get(name).and_then(date);
    let since = at(header::LAST_MODIFIED).and_then(|then| at(header::DATE)?.duration_since(then).ok());
    since.is_some_and(|since| since >= least)
}

/// A tag without the mark of a weak one, for weak comparison (8.8.3.2).
pub(super) fn opaque(tag: &[u8]) -> &[u8] {
    let tag = tag.trim_ascii();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Whether a text is an entity tag (8.8.3).
pub(super) fn is_tag(text: &[u8]) -> bool {
    let inner = opaque(text).strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    inner.is_some_and(|inner| inner.iter().all(|byte| !matches!(byte, b'"' | 0..=b' ' | 0x7f)))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn unchanged(request: &[(HeaderName, &'static str)], stored: &[(HeaderName, &'static str)]) -> bool {
        is_unchanged(&headers(request), &headers(stored))
    }

    const MODIFIED: (HeaderName, &str) = (header::LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT");

    #[test]
    fn tags_compare_weakly_and_a_comma_within_one_does_not_separate() {
        let stored = [(header::ETAG, "\"7,8\"")];
        for line in ["\"7,8\"", "W/\"7,8\"", "\"a\", \"7,8\"", "*"] {
            assert!(unchanged(&[(header::IF_NONE_MATCH, line)], &stored), "{line}");
        }
        for line in ["\"7\"", "\"78\"", "7,8"] {
            assert!(!unchanged(&[(header::IF_NONE_MATCH, line)], &stored), "{line}");
        }
    }

    #[test]
    fn only_what_is_quoted_is_a_tag() {
        assert!([&b"\"7\""[..], b"W/\"7\"", b"\"\""].into_iter().all(is_tag));
        assert!(![&b"7"[..], b"\"7", b"\"", b"w/\"7\"", b"\"a\", \"b\"", b"\"a b\""].into_iter().any(is_tag));
    }

    #[test]
    fn a_304_has_what_a_cache_needs_and_nothing_of_the_content() {
        let kept = [(header::ETAG, "\"7\""), (header::VARY, "a"), (header::VARY, "b"), MODIFIED];
        let mut whole = headers(&[(header::CONTENT_TYPE, "text/plain"), (header::CONTENT_LENGTH, "5")]);
        whole.extend(headers(&kept));
        assert_eq!(not_modified(&headers(&kept)), headers(&kept));
        assert_eq!(not_modified(&whole), headers(&kept));
    }

    #[test]
    fn a_date_counts_only_without_a_tag() {
        let same = (header::IF_MODIFIED_SINCE, MODIFIED.1);
        let before = (header::IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT");
        assert!(unchanged(std::slice::from_ref(&same), &[MODIFIED]));
        assert!(!unchanged(&[before], &[MODIFIED]));
        assert!(!unchanged(&[(header::IF_MODIFIED_SINCE, "now")], &[MODIFIED]));
        // Not by Date: within one second it would hide a write.
        assert!(!unchanged(std::slice::from_ref(&same), &[(header::DATE, MODIFIED.1)]));
        assert!(!unchanged(std::slice::from_ref(&same), &[]));
        assert!(!unchanged(&[same, (header::IF_NONE_MATCH, "\"1\"")], &[MODIFIED, (header::ETAG, "\"2\"")]));
    }
}
