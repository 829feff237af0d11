//! How long an answer says it is fresh, and how old it was when it came (RFC 9111, 4.2.1 and 4.2.3).
//!
//! Nothing is guessed here: the one heuristic (4.2.2) is the policy's `ttl`, from when the answer came.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

use super::directives::{Directives, delta_seconds, split_list};

/// When an answer came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// The time of day, which stands in for an absent `Date`.
    pub(super) now: SystemTime,
    /// How long it took since its request departed.
    pub(super) delay: Duration,
}

/// The freshness lifetime by the answer's own word; `None` when it says nothing. For a shared cache
/// `s-maxage` goes before `max-age`, and that before `Expires` (4.2.1),
/// which does not count beside targeted directives (RFC 9213, 2.2).
pub(super) fn explicit(directives: &Directives, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let by_expires = || if directives.targeted { None } else { by_expires(headers, now) };
    directives.shared_max_age.or(directives.max_age).or_else(by_expires)
}

/// How old the answer was when it came: its `Age`, and the time that it took (4.2.3). `Date` is left out,
/// as 4.2.3 allows: its whole seconds, and a clock that differs, would take more than an honest second
/// from a short freshness. Of a list in `Age` the first member counts, and what is no number does not (5.1).
pub(super) fn age(headers: &HeaderMap, delay: Duration) -> Duration {
    let said = headers
        .get(header::AGE)
        .and_then(|value| split_list(value.as_bytes()).next().and_then(delta_seconds))
        .unwrap_or_default();
    said + delay
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
    fn the_age_is_the_first_that_is_said_and_the_time_that_the_answer_took() {
        let delay = Duration::from_millis(1500);
        for (lines, said) in [
            (&["20"][..], 20),
            (&["20, 30"], 20),
            (&["20", "30"], 20),
            (&["soon"], 0),
            (&["-5"], 0),
            (&["1.5"], 0),
            (&[], 0),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::AGE, HeaderValue::from_static(line));
            }
            assert_eq!(age(&headers, delay), Duration::from_secs(said) + delay, "{lines:?}");
        }
    }

    #[test]
    fn what_is_more_specific_goes_first_and_an_invalid_date_counts_as_none() {
        const EXPIRES: (HeaderName, &str) = (header::EXPIRES, "Thu, 01 Jan 1970 00:00:30 GMT");
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let directives = |line| (header::CACHE_CONTROL, line);
        assert_eq!(left(&[EXPIRES]), seconds(30), "from now");
        assert_eq!(left(&[EXPIRES, (header::DATE, "yesterday")]), seconds(30));
        assert_eq!(left(&[EXPIRES, (header::DATE, "Thu, 01 Jan 1970 00:00:40 GMT")]), seconds(0));
        assert_eq!(left(&[EXPIRES, directives("public")]), seconds(30));
        assert_eq!(left(&[EXPIRES, directives("max-age=5")]), seconds(5));
        assert_eq!(left(&[EXPIRES, directives("max-age=5, s-maxage=9")]), seconds(9));
        assert_eq!(left(&[EXPIRES, directives("s-maxage=9")]), seconds(9));
        assert_eq!(left(&[EXPIRES, directives("max-age=none")]), seconds(0), "not by Expires");
    }
}
