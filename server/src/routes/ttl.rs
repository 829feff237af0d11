//! Times to live: `Kivi-Ttl` and `?ttl=`, whole seconds or with units as in `1m30s`. Pure.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};
use kivi_api::Problem;
use kivi_api::headers::KIVI_TTL;
use kivi_settings::DurationString;

use super::problems;
use super::query::Query;

/// The longest, in seconds: what a duration with units can say.
const LONGEST_SECONDS: u64 = 10 * 366 * 24 * 3600;

/// What a PUT asks for. Asked for twice, both must be the same.
pub(super) fn of_request(headers: &HeaderMap, query: Option<&str>) -> Result<Option<Duration>, Problem> {
    let mut found = None;
    let query = Query::read(query, "A key", &[kivi_api::parameter::TTL])?;
    let parameter = query.bytes(kivi_api::parameter::TTL)?;
    let fields = headers.get_all(&KIVI_TTL).iter().map(HeaderValue::as_bytes);
    for (name, text) in
        fields.map(|text| ("Kivi-Ttl", text)).chain(parameter.as_deref().map(|text| ("ttl", text)))
    {
        let ttl = str::from_utf8(text).ok().and_then(parse).ok_or_else(|| malformed(name))?;
        if found.is_some_and(|found| found != ttl) {
            return Err(problems::malformed(name, "another time to live than the one before it"));
        }
        found = Some(ttl);
    }
    Ok(found)
}

/// Reads a time to live; `None` when it is none.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let ttl = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().ok().filter(|seconds| *seconds <= LONGEST_SECONDS)?)
    } else {
        text.parse::<DurationString>().ok()?.get()
    };
    (!ttl.is_zero()).then_some(ttl)
}

/// What is wrong with what [`parse`] can't read.
pub(super) fn malformed(name: &str) -> Problem {
    problems::malformed(
        name,
        "not a time to live from 1ms to 10 years: whole seconds, or with units as in `1m30s` or `250ms`",
    )
}

/// What is left of a key's time, for the answer.
pub(crate) fn left(expires: SystemTime, now: SystemTime) -> Option<HeaderValue> {
    let left = expires.duration_since(now).unwrap_or_default();
    HeaderValue::from_str(&format!("{}ms", left.as_millis())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_units_are_read_and_nothing_else() {
        for (text, expected) in [
            ("60", Some(60_000)),
            ("1m30s", Some(90_000)),
            ("250ms", Some(250)),
            ("0", None),
            ("0s", None),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("99999999999", None),
        ] {
            assert_eq!(parse(text), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn field_and_parameter_must_agree() {
        let headers = HeaderMap::from_iter([(KIVI_TTL, HeaderValue::from_static("60"))]);
        assert_eq!(of_request(&headers, Some("ttl=1m")).unwrap(), Some(Duration::from_secs(60)));
        assert!(of_request(&headers, Some("ttl=61")).is_err());
        assert!(of_request(&headers, Some("limit=1")).is_err());
        assert_eq!(of_request(&HeaderMap::new(), None).unwrap(), None);
    }
}
