//! How long an answer says it is fresh, and how old it was when it came (RFC 9111, 4.2.1 and 4.2.3).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

use super::directives::{Directives, delta_seconds};

/// The freshness that is left by the answer's own word; `None` when it says nothing. `now` stands in
/// for an absent `Date`.
pub(super) fn explicit(directives: &Directives, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let lifetime = directives.shared_max_age.or(directives.max_age).or_else(|| by_expires(headers, now))?;
    Some(lifetime.saturating_sub(age(headers)))
}

/// The age that the answer came with.
pub(super) fn age(headers: &HeaderMap) -> Duration {
    headers.get(header::AGE).and_then(|value| delta_seconds(value.as_bytes())).unwrap_or_default()
}

/// `Expires` less `Date`; an invalid or repeated `Expires` is in the past (5.3).
fn by_expires(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let mut lines = headers.get_all(header::EXPIRES).iter();
    let line = lines.next()?;
    if lines.next().is_some() {
        return Some(Duration::ZERO);
    }
    let from = headers.get(header::DATE).and_then(date).unwrap_or(now);
    Some(date(line).and_then(|expires| expires.duration_since(from).ok()).unwrap_or_default())
}

/// An HTTP date.
pub(super) fn date(value: &http::HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn left(lines: &[(HeaderName, &'static str)]) -> Option<Duration> {
        let headers =
            lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        explicit(&Directives::of(&headers), &headers, SystemTime::UNIX_EPOCH)
    }

    const DATE: (HeaderName, &str) = (header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT");

    #[test]
    fn expires_counts_from_date_and_yields_to_max_age() {
        let expires = (header::EXPIRES, "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(left(&[DATE, expires.clone()]), Some(Duration::from_secs(30)));
        assert_eq!(
            left(&[DATE, expires, (header::CACHE_CONTROL, "max-age=7")]),
            Some(Duration::from_secs(7))
        );
        assert_eq!(left(&[DATE]), None);
    }

    #[test]
    fn an_expires_that_is_no_date_or_is_past_is_stale() {
        for value in ["0", "-1", "Sun, 06 Nov 1994 08:49:36 GMT"] {
            assert_eq!(left(&[DATE, (header::EXPIRES, value)]), Some(Duration::ZERO), "{value}");
        }
    }

    #[test]
    fn the_age_it_came_with_is_spent() {
        let at = |age| left(&[(header::CACHE_CONTROL, "max-age=60"), (header::AGE, age)]);
        assert_eq!(at("20"), Some(Duration::from_secs(40)));
        assert_eq!(at("90"), Some(Duration::ZERO));
    }
}
