//! The directives of an answer for this cache: those of a targeted field, else `Cache-Control` (RFC 9213).

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    dictionary::{self, Value},
    directives::{Argument, Directives},
};

/// For caches in front of the origin that its owner runs or rents. This is one.
pub(super) const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// The directives of an answer. A targeted field that is empty or malformed is as if it were not there (2.1).
pub(super) fn directives(answer: &HeaderMap) -> Directives {
    targeted(answer).unwrap_or_else(|| Directives::of(answer))
}

/// A directive of another type than its own is not coerced into that (2.1): a time is then none, and a
/// permission is not given.
fn targeted(answer: &HeaderMap) -> Option<Directives> {
    let lines: Vec<&[u8]> = answer.get_all(CDN_CACHE_CONTROL).iter().map(HeaderValue::as_bytes).collect();
    let text = lines.join(&b","[..]);
    let members = dictionary::members(&text).filter(|members| !members.is_empty())?;
    let mut found = Directives { targeted: true, ..Directives::default() };
    for (name, value) in members {
        let argument = match value {
            Value::True => Argument::None,
            Value::Integer(seconds) => u64::try_from(seconds).map_or(Argument::Invalid, Argument::seconds),
            Value::Other => Argument::Invalid,
        };
        found.note(name, argument);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header;

    use super::*;

    fn of(lines: &[&'static str]) -> Directives {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=1"));
        for line in lines {
            headers.append(CDN_CACHE_CONTROL, HeaderValue::from_static(line));
        }
        directives(&headers)
    }

    #[test]
    fn a_targeted_field_goes_before_cache_control_as_a_whole() {
        for lines in
            [&["public, max-age=60"][..], &["public", "max-age=60"], &["public, max-age=5, max-age=60;x"]]
        {
            let found = of(lines);
            assert!(found.targeted && found.public && !found.private, "{lines:?}");
            assert_eq!(found.max_age, Some(Duration::from_mins(1)), "{lines:?}");
        }
        let found = of(&["no-cache=\"a, b\", stale-if-error=9"]);
        assert!(found.no_cache && found.max_age.is_none());
        assert_eq!(found.stale_if_error, Some(Duration::from_secs(9)));
    }

    #[test]
    fn an_empty_or_malformed_one_is_as_if_it_were_not_there() {
        for line in ["", "max-age=60,", "Max-Age=60", "max-age = 60", "max-age=\"60"] {
            let found = of(&[line]);
            assert!(found.private && !found.targeted, "{line}");
            assert_eq!(found.max_age, Some(Duration::from_secs(1)), "{line}");
        }
    }

    #[test]
    fn another_type_is_not_coerced() {
        for line in ["max-age=\"60\"", "max-age=60.5", "max-age", "max-age=-1"] {
            assert_eq!(of(&[line]).max_age, Some(Duration::ZERO), "{line}");
        }
        assert!(!of(&["public=?0"]).public && !of(&["public=1"]).public);
    }
}
