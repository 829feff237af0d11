//! Range requests (RFC 9110 section 14): one range of bytes. Pure.
//!
//! Several ranges, other units and what is not well formed are ignored, as the RFC allows: the answer is
//! then the whole value.

use std::ops::Range;

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};
use kivi_api::EntityTag;

/// Which part of a value is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// These bytes, which exist.
    Bytes(Range<usize>),
    /// Bytes of which none exists.
    Unsatisfiable,
}

/// Reads `Range` and `If-Range` of a GET that finds a value of this length and revision.
pub(crate) fn part(headers: &HeaderMap, length: usize, revision: u64) -> Part {
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else {
        return Part::Whole;
    };
    if let Some(condition) = headers.get(IF_RANGE) {
        // Compares strongly. A date is no strong validator: two writes may share a second.
        let same = EntityTag::parse(condition.as_bytes())
            .is_some_and(|tag| !tag.weak && tag.revision() == Some(revision));
        if !same {
            return Part::Whole;
        }
    }
    range.to_str().ok().and_then(|text| parse(text, length)).unwrap_or(Part::Whole)
}

fn parse(text: &str, length: usize) -> Option<Part> {
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    Some(match (first, last) {
        ("", suffix) => match number(suffix)? {
            0 => Part::Unsatisfiable,
            _ if length == 0 => Part::Unsatisfiable,
            suffix => Part::Bytes(length.saturating_sub(suffix)..length),
        },
        (first, last) => {
            let first = number(first)?;
            let end = if last.is_empty() { length } else { number(last)?.saturating_add(1) };
            match first {
                first if first >= end && !last.is_empty() => return None,
                first if first >= length => Part::Unsatisfiable,
                first => Part::Bytes(first..end.min(length)),
            }
        }
    })
}

/// A number of digits only; more digits than fit are the greatest one.
fn number(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(fields: &[(http::HeaderName, &str)]) -> Part {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value.parse().unwrap());
        }
        part(&headers, 10, 17)
    }

    #[test]
    fn one_range_is_cut_to_the_value() {
        for (text, expected) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-5", Part::Bytes(2..6)),
            ("bytes=2-", Part::Bytes(2..10)),
            ("bytes=2-99", Part::Bytes(2..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-99", Part::Bytes(0..10)),
            ("Bytes=9-99999999999999999999999", Part::Bytes(9..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
        ] {
            assert_eq!(ask(&[(RANGE, text)]), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_one_range_of_bytes_is_ignored() {
        for text in ["bytes=5-2", "bytes=-", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b", "bytes", "bytes=+1-2"]
        {
            assert_eq!(ask(&[(RANGE, text)]), Part::Whole, "{text}");
        }
    }

    #[test]
    fn two_lines_are_several_ranges() {
        assert_eq!(ask(&[(RANGE, "bytes=0-0"), (RANGE, "bytes=1-1")]), Part::Whole);
    }

    #[test]
    fn if_range_compares_strongly() {
        for (condition, expected) in [
            ("\"17\"", Part::Bytes(0..1)),
            ("W/\"17\"", Part::Whole),
            ("\"18\"", Part::Whole),
            ("Thu, 01 Jan 2026 00:00:00 GMT", Part::Whole),
        ] {
            assert_eq!(ask(&[(RANGE, "bytes=0-0"), (IF_RANGE, condition)]), expected, "{condition}");
        }
    }

    proptest! {
        #[test]
        fn a_part_never_leaves_the_value(text in "bytes=[0-9]{0,30}-[0-9]{0,30}", length in 0_usize..1000) {
            let headers = HeaderMap::from_iter([(RANGE, text.parse().unwrap())]);
            if let Part::Bytes(range) = part(&headers, length, 1) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
