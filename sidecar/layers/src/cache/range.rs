//! The part of a stored answer that a request asks for (RFC 9110, 14.2): one range of bytes. Several, other
//! units and what is malformed are for the origin. A function of the request's headers and the answer's.

use std::{ops::Range, time::Duration};

use http::{HeaderMap, header};

use super::conditional;

/// One range of bytes (14.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    /// From a position, to another or to the end, both included.
    From(u64, Option<u64>),
    /// The last so many.
    Last(u64),
}

/// What a GET gets of a stored answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// These bytes.
    Bytes(Range<usize>),
    /// Nothing: the range begins after the end.
    Unsatisfiable,
}

/// Whether the request asks for one range of bytes, which a stored answer can give.
pub(super) fn is_single(request: &HeaderMap) -> bool {
    spec(request).is_some()
}

/// What a request gets of an answer with the headers `stored` and `length` bytes.
pub(super) fn part(request: &HeaderMap, stored: &HeaderMap, length: usize) -> Part {
    let Some(spec) = spec(request).filter(|_| is_current(request, stored)) else {
        return Part::Whole;
    };
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(length);
    match spec {
        Spec::From(first, _) if at(first) == length => Part::Unsatisfiable,
        Spec::From(first, last) => {
            Part::Bytes(at(first)..last.map_or(length, |last| at(last.saturating_add(1))))
        }
        Spec::Last(0) => Part::Unsatisfiable,
        // No `Content-Range` can name a part of nothing.
        Spec::Last(_) if length == 0 => Part::Whole,
        Spec::Last(count) => Part::Bytes(length - at(count)..length),
    }
}

fn spec(request: &HeaderMap) -> Option<Spec> {
    let mut lines = request.get_all(header::RANGE).iter();
    let line = lines.next()?.to_str().ok()?;
    let (unit, set) = line.split_once('=')?;
    if lines.next().is_some() || !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim_ascii().split_once('-')?;
    match (first, last) {
        ("", count) => Some(Spec::Last(number(count)?)),
        (first, "") => Some(Spec::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::From(first, Some(last)))
        }
    }
}

/// Digits; what overflows is beyond the end of anything.
fn number(digits: &str) -> Option<u64> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Whether the part that the client has is of this answer: `If-Range` (13.1.5), by strong comparison.
fn is_current(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let Some(condition) = request.get(header::IF_RANGE) else {
        return true;
    };
    if condition.as_bytes().starts_with(b"\"") {
        return stored.get(header::ETAG) == Some(condition);
    }
    // A date is a strong validator where the answer was made a second or more after it (8.8.2.2).
    stored.get(header::LAST_MODIFIED) == Some(condition)
        && conditional::was_modified_before(stored, Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn one_range_of_bytes_is_cut_out() {
        for (line, length, expected) in [
            ("bytes=0-0", 10, Part::Bytes(0..1)),
            ("Bytes=2-5", 10, Part::Bytes(2..6)),
            ("bytes= 2-5 ", 10, Part::Bytes(2..6)),
            ("bytes=2-", 10, Part::Bytes(2..10)),
            ("bytes=2-99", 10, Part::Bytes(2..10)),
            ("bytes=2-99999999999999999999999", 10, Part::Bytes(2..10)),
            ("bytes=-3", 10, Part::Bytes(7..10)),
            ("bytes=-99", 10, Part::Bytes(0..10)),
            ("bytes=10-", 10, Part::Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Part::Unsatisfiable),
            ("bytes=0-", 0, Part::Unsatisfiable),
            ("bytes=-0", 10, Part::Unsatisfiable),
            ("bytes=-1", 0, Part::Whole),
        ] {
            let request = headers(&[(header::RANGE, line)]);
            assert!(is_single(&request), "{line}");
            assert_eq!(part(&request, &HeaderMap::new(), length), expected, "{line} of {length}");
        }
    }

    #[test]
    fn anything_else_is_for_the_origin() {
        for line in [
            "bytes=0-1,4-5",
            "bytes=5-2",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1 - 2",
            "lines=0-1",
            "0-1",
        ] {
            assert!(!is_single(&headers(&[(header::RANGE, line)])), "{line}");
        }
        let mut twice = headers(&[(header::RANGE, "bytes=0-1")]);
        twice.append(header::RANGE, HeaderValue::from_static("bytes=4-5"));
        assert!(!is_single(&twice));
    }

    #[test]
    fn if_range_compares_strongly() {
        const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
        let modified = |made| vec![(header::LAST_MODIFIED, MODIFIED), (header::DATE, made)];
        for (condition, stored, holds) in [
            ("\"1\"", vec![(header::ETAG, "\"1\"")], true),
            ("\"1\"", vec![(header::ETAG, "\"2\"")], false),
            ("\"1\"", vec![(header::ETAG, "W/\"1\"")], false),
            ("W/\"1\"", vec![(header::ETAG, "W/\"1\"")], false),
            ("\"1\"", vec![], false),
            (MODIFIED, modified(LATER), true),
            (LATER, modified(LATER), false),
            (MODIFIED, modified(MODIFIED), false),
            (MODIFIED, vec![(header::LAST_MODIFIED, MODIFIED)], false),
            ("1", vec![(header::LAST_MODIFIED, "1"), (header::DATE, LATER)], false),
        ] {
            let request = headers(&[(header::RANGE, "bytes=0-0"), (header::IF_RANGE, condition)]);
            let expected = if holds { Part::Bytes(0..1) } else { Part::Whole };
            assert_eq!(part(&request, &headers(&stored), 5), expected, "{condition} {stored:?}");
        }
    }
}
