//! What an answer is good for after its freshness: served while it is refreshed, or in place of a failure
//! (RFC 5861; RFC 9111, 4.2.4). A function of the policy, the directives, and the request's own wish.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use super::{CachePolicy, directives::Directives};

/// How long after its freshness an answer may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Grace {
    /// While it is refreshed.
    while_revalidate: Duration,
    /// In place of a failure.
    if_error: Duration,
    /// Whether the answer leaves it to others at all.
    is_allowed: bool,
}

/// How stale an answer a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tolerance {
    /// Whatever the upstream does.
    always: Duration,
    /// In place of a failure, where it says so (RFC 5861, 4): its own word, for itself alone.
    if_error: Option<Duration>,
}

/// What a stored answer is good for, at a moment and for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// To be served.
    Fresh,
    /// To be served while it is refreshed.
    WhileRevalidate,
    /// To be served if the load fails.
    IfError,
    /// Nothing for this request; for another it may be.
    NotThis,
    /// Nothing for any request, from now on, unless the upstream says that it is current.
    Spent,
}

impl Grace {
    /// That of an answer with these directives: its own word, else the policy's. None where the answer
    /// forbids it, and none for a failure, which must not outlive its moment.
    pub(super) fn of(policy: &CachePolicy, directives: &Directives, status: StatusCode) -> Self {
        let forbidden = directives.forbids_stale() || directives.no_cache || directives.no_store;
        if forbidden || status.is_server_error() {
            return Self::default();
        }
        Self {
            while_revalidate: directives.stale_while_revalidate.unwrap_or(policy.stale_while_revalidate),
            if_error: directives.stale_if_error.unwrap_or(policy.stale_if_error),
            is_allowed: true,
        }
    }

    /// How long it stands in for a failure, for a request with `tolerance`.
    fn window_on_failure(self, tolerance: Tolerance) -> Duration {
        match tolerance.if_error {
            Some(own) if self.is_allowed => own,
            _ => self.if_error,
        }
    }

    /// What an answer is good for that has been stale for `staleness`. `tolerance`: the request's.
    pub(super) fn at(self, staleness: Duration, tolerance: Tolerance) -> Use {
        if staleness >= self.while_revalidate.max(self.if_error).max(self.window_on_failure(tolerance)) {
            Use::Spent
        } else if staleness > tolerance.always || tolerance.always.is_zero() {
            Use::NotThis
        } else if staleness < self.while_revalidate {
            Use::WhileRevalidate
        } else {
            Use::IfError
        }
    }

    /// Whether it stands in for a failure after `staleness`, for a request with `tolerance`.
    pub(super) fn covers_failure(self, staleness: Duration, tolerance: Tolerance) -> bool {
        let is_taken =
            tolerance.if_error.is_some() || (staleness <= tolerance.always && !tolerance.always.is_zero());
        is_taken && staleness < self.window_on_failure(tolerance)
    }
}

impl Tolerance {
    const ANY: Self = Self { always: Duration::MAX, if_error: None };

    /// That of a request with these headers (RFC 9111, 5.2.1): any staleness by default, none where it says
    /// how fresh it wants the answer. Its `stale-if-error` counts beside that, for RFC 5861 (4) has it
    /// regardless of freshness, but not where it wants no stored answer at all.
    pub(super) fn of(request: &HeaderMap) -> Self {
        if !request.contains_key(header::CACHE_CONTROL) {
            return Self::ANY;
        }
        let directives = Directives::of(request);
        if directives.no_cache || directives.no_store {
            return Self { always: Duration::ZERO, if_error: None };
        }
        let wants_fresh = directives.max_age.is_some() || directives.min_fresh.is_some();
        Self {
            always: if wants_fresh { Duration::ZERO } else { directives.max_stale.unwrap_or(Duration::MAX) },
            if_error: directives.stale_if_error,
        }
    }
}

/// Whether a status is a failure that a stored answer may stand in for (RFC 5861, 4).
pub(super) fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn lines(line: &'static str) -> HeaderMap {
        [(header::CACHE_CONTROL, HeaderValue::from_static(line))].into_iter().collect()
    }

    fn grace(line: &'static str, status: u16) -> Grace {
        let policy = CachePolicy {
            stale_while_revalidate: seconds(10),
            stale_if_error: seconds(60),
            ..CachePolicy::default()
        };
        Grace::of(&policy, &Directives::of(&lines(line)), StatusCode::from_u16(status).unwrap())
    }

    #[test]
    fn the_answers_own_windows_go_before_the_policys() {
        let of = |while_revalidate, if_error| Grace {
            while_revalidate: seconds(while_revalidate),
            if_error: seconds(if_error),
            is_allowed: true,
        };
        assert_eq!(grace("max-age=1", 200), of(10, 60));
        assert_eq!(grace("max-age=1, stale-while-revalidate=3", 200), of(3, 60));
        assert_eq!(grace("stale-if-error=0, Stale-While-Revalidate=\"5\"", 404), of(5, 0));
        assert_eq!(grace("stale-while-revalidate=soon", 200), of(0, 60));
    }

    #[test]
    fn an_answer_may_forbid_it_and_a_failure_never_has_it() {
        for line in ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=9", "no-store"] {
            assert_eq!(grace(line, 200), Grace::default(), "{line}");
        }
        assert_eq!(grace("s-maxage=9, stale-if-error=60", 200), Grace::default());
        assert_eq!(grace("max-age=1", 503), Grace::default());
    }

    #[test]
    fn each_window_ends_and_then_nothing_is_left() {
        let any = Tolerance::ANY;
        let grace = grace("", 200);
        assert_eq!(grace.at(seconds(9), any), Use::WhileRevalidate);
        assert_eq!(grace.at(seconds(10), any), Use::IfError);
        assert_eq!(grace.at(seconds(59), any), Use::IfError);
        assert_eq!(grace.at(seconds(60), any), Use::Spent);
        assert!(grace.covers_failure(seconds(59), any) && !grace.covers_failure(seconds(60), any));
        assert_eq!(Grace::default().at(Duration::ZERO, any), Use::Spent);
    }

    #[test]
    fn a_request_may_take_nothing_stale_or_not_too_stale() {
        for line in ["max-age=60", "min-fresh=1", "no-cache", "max-age=60, max-stale", "max-stale=0"] {
            assert_eq!(
                grace("", 200).at(Duration::ZERO, Tolerance::of(&lines(line))),
                Use::NotThis,
                "{line}"
            );
        }
        let at_most = Tolerance::of(&lines("max-stale=5"));
        assert_eq!(grace("", 200).at(seconds(5), at_most), Use::WhileRevalidate);
        assert_eq!(grace("", 200).at(seconds(6), at_most), Use::NotThis);
        for headers in [HeaderMap::new(), lines("max-stale"), lines("x-other")] {
            assert_eq!(Tolerance::of(&headers), Tolerance::ANY);
        }
    }

    #[test]
    fn a_request_says_for_itself_how_stale_an_answer_it_takes_in_place_of_a_failure() {
        for (line, most) in [
            ("stale-if-error=600", 599),
            ("max-age=5, stale-if-error=600", 599),
            ("max-stale=5, stale-if-error=600", 599),
            ("stale-if-error=5", 4),
        ] {
            let tolerance = Tolerance::of(&lines(line));
            assert!(grace("", 200).covers_failure(seconds(most), tolerance), "{line}");
            assert!(!grace("", 200).covers_failure(seconds(most + 1), tolerance), "{line}");
            assert!(!grace("must-revalidate", 200).covers_failure(Duration::ZERO, tolerance), "{line}");
        }
        for line in ["no-cache, stale-if-error=600", "no-store, stale-if-error=600", "stale-if-error=x"] {
            assert!(!grace("", 200).covers_failure(Duration::ZERO, Tolerance::of(&lines(line))), "{line}");
        }
        let wanted = Tolerance::of(&lines("stale-if-error=600"));
        assert_eq!(grace("", 200).at(seconds(599), wanted), Use::IfError, "it is not spent");
        assert_eq!(grace("", 200).at(seconds(600), wanted), Use::Spent);
    }

    #[test]
    fn only_what_rfc_5861_names_is_a_failure() {
        let is = |status| is_failure(StatusCode::from_u16(status).unwrap());
        assert!([500, 502, 503, 504].into_iter().all(is));
        assert!(![200, 400, 404, 429, 501, 505].into_iter().any(is));
    }
}
