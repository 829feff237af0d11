use std::time::SystemTime;

use http::{HeaderName, HeaderValue};

use super::*;

const MINUTE: Duration = Duration::from_mins(1);
const AT_ONCE: Arrival = Arrival { now: SystemTime::UNIX_EPOCH, delay: Duration::ZERO };

fn judged(
    policy: &CachePolicy,
    credentials: bool,
    status: u16,
    lines: &[(HeaderName, &'static str)],
) -> Verdict {
    let headers = lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
    let status = StatusCode::from_u16(status).unwrap();
    judge(policy, credentials, status, &headers, None, AT_ONCE)
}

fn policy() -> CachePolicy {
    CachePolicy { ttl: MINUTE, ..CachePolicy::default() }
}

fn cache_control(line: &'static str) -> Verdict {
    judged(&policy(), false, 200, &[(header::CACHE_CONTROL, line)])
}

fn lifetime(verdict: &Verdict) -> Option<Duration> {
    match verdict {
        Verdict::Shared(sharing) => sharing.lifetime,
        Verdict::Unshared(reason) => panic!("not shared: {reason:?}"),
    }
}

#[test]
fn an_answer_without_directives_has_the_policys_ttl() {
    assert_eq!(lifetime(&judged(&policy(), false, 200, &[])), Some(MINUTE));
    assert_eq!(lifetime(&judged(&policy(), false, 405, &[])), Some(MINUTE));
    assert_eq!(lifetime(&judged(&CachePolicy::default(), false, 200, &[])), None);
}

#[test]
fn an_absent_key_has_the_policys_negative_ttl() {
    let negative = CachePolicy { negative_ttl: Duration::from_secs(7), ..policy() };
    for status in [404, 410] {
        assert_eq!(lifetime(&judged(&policy(), false, status, &[])), None, "{status} is not kept by default");
        assert_eq!(
            lifetime(&judged(&negative, false, status, &[])),
            Some(Duration::from_secs(7)),
            "{status}"
        );
        let says = [(header::CACHE_CONTROL, "max-age=5")];
        assert_eq!(
            lifetime(&judged(&negative, false, status, &says)),
            Some(Duration::from_secs(5)),
            "{status}"
        );
    }
}

#[test]
fn the_answers_own_freshness_goes_before_the_policy() {
    assert_eq!(lifetime(&cache_control("max-age=5")), Some(Duration::from_secs(5)));
    assert_eq!(lifetime(&cache_control("max-age=5, s-maxage=9")), Some(Duration::from_secs(9)));
    assert_eq!(
        lifetime(&judged(&policy(), false, 302, &[(header::CACHE_CONTROL, "max-age=5")])),
        Some(Duration::from_secs(5))
    );
}

#[test]
fn what_is_for_one_request_is_unshared() {
    for line in [
        "no-store",
        "no-store, max-age=60",
        "private, max-age=60",
        "private=\"x-a\", max-age=60",
        "no-cache",
        "no-cache=\"set-cookie, x-a\", max-age=60",
        "max-age=0, must-revalidate",
        "max-age=0, proxy-revalidate",
        "s-maxage=0",
        "s-maxage=0, max-age=60",
    ] {
        assert_eq!(cache_control(line), Verdict::Unshared(Unshared::Directive), "{line}");
    }
    for (name, value, reason) in [
        (header::SET_COOKIE, "a=b", Unshared::Cookie),
        (header::VARY, "*", Unshared::VaryStar),
        (header::CONTENT_TYPE, "Text/Event-Stream; charset=utf-8", Unshared::Events),
    ] {
        let verdict = judged(&policy(), false, 200, &[(name, value)]);
        assert_eq!(verdict, Verdict::Unshared(reason));
        assert!(reason.is_remembered());
    }
}

#[test]
fn an_answer_that_is_stale_at_once_is_shared_with_those_who_wait_and_no_later_one() {
    for line in ["max-age=0", "public, max-age=0"] {
        let Verdict::Shared(sharing) = cache_control(line) else { panic!("{line}") };
        assert_eq!((sharing.lifetime, sharing.late_joins), (None, false));
    }
}

#[test]
fn answers_to_credentials_are_shared_only_when_they_say_so() {
    let with = |line| judged(&policy(), true, 200, &[(header::CACHE_CONTROL, line)]);
    for line in ["max-age=60", "max-age=60, proxy-revalidate", "max-age=60, immutable"] {
        assert_eq!(with(line), Verdict::Unshared(Unshared::Credentials), "{line}");
    }
    for line in ["public, max-age=60", "s-maxage=60", "max-age=60, must-revalidate"] {
        assert_eq!(lifetime(&with(line)), Some(MINUTE), "{line}");
    }
}

#[test]
fn a_server_error_is_kept_for_the_error_ttl() {
    for status in [500, 502, 503, 504] {
        assert_eq!(lifetime(&judged(&policy(), false, status, &[])), Some(Duration::from_secs(1)));
    }
    let none = CachePolicy { error_ttl: Duration::ZERO, ..policy() };
    assert_eq!(lifetime(&judged(&none, false, 503, &[])), None);
}

#[test]
fn a_status_about_one_request_is_unshared_and_not_remembered() {
    for status in [101, 206, 302, 304, 400, 401, 403, 412, 416, 429] {
        assert_eq!(judged(&policy(), false, status, &[]), Verdict::Unshared(Unshared::Status), "{status}");
    }
    assert!(!Unshared::Status.is_remembered());
    assert_eq!(
        judged(&policy(), false, 206, &[(header::CACHE_CONTROL, "max-age=60")]),
        Verdict::Unshared(Unshared::Status)
    );
}

#[test]
fn a_body_over_the_bound_is_unshared() {
    let policy = policy();
    let at = |length| judge(&policy, false, StatusCode::OK, &HeaderMap::new(), Some(length), AT_ONCE);
    assert!(matches!(at(policy.max_object_bytes), Verdict::Shared(_)));
    assert_eq!(at(policy.max_object_bytes + 1), Verdict::Unshared(Unshared::TooLarge));
}

#[test]
fn must_understand_stores_what_is_understood_in_spite_of_no_store() {
    let judged = |status, line| judged(&policy(), false, status, &[(header::CACHE_CONTROL, line)]);
    assert_eq!(lifetime(&judged(200, "must-understand, no-store, max-age=60")), Some(MINUTE));
    assert_eq!(judged(299, "must-understand, max-age=60"), Verdict::Unshared(Unshared::Status));
    assert_eq!(lifetime(&judged(299, "max-age=60")), Some(MINUTE));
    let private = judged(200, "must-understand, private, max-age=60");
    assert_eq!(private, Verdict::Unshared(Unshared::Directive));
}

#[test]
fn what_is_not_known_changes_nothing() {
    for line in ["max-age=60, immutable", "max-age=60, x=\"no-store, private\"", "x, max-age=60,,"] {
        assert_eq!(lifetime(&cache_control(line)), Some(MINUTE), "{line}");
    }
    assert_eq!(lifetime(&judged(&policy(), false, 200, &[(header::PRAGMA, "no-cache")])), Some(MINUTE));
}

#[test]
fn the_age_it_came_with_and_the_time_it_took_are_spent() {
    let judged = |age, delay| {
        let headers = [(header::CACHE_CONTROL, "max-age=60"), (header::AGE, age)]
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .into_iter()
            .collect();
        let arrival = Arrival { delay: Duration::from_secs(delay), ..AT_ONCE };
        judge(&policy(), false, StatusCode::OK, &headers, None, arrival)
    };
    assert_eq!(lifetime(&judged("20", 5)), Some(Duration::from_secs(35)));
    assert_eq!(lifetime(&judged("60", 0)), None);
    assert_eq!(lifetime(&judged("0", 60)), None);
}

#[test]
fn targeted_directives_decide_alone() {
    let judged = |targeted, policy: &CachePolicy| {
        let lines = [
            (HeaderName::from_static("cdn-cache-control"), targeted),
            (header::CACHE_CONTROL, "no-store"),
            (header::EXPIRES, "Thu, 01 Jan 1970 00:00:30 GMT"),
        ];
        judged(policy, false, 200, &lines)
    };
    assert_eq!(lifetime(&judged("max-age=60", &CachePolicy::default())), Some(MINUTE));
    assert_eq!(lifetime(&judged("public", &CachePolicy::default())), None, "Expires does not count");
    assert_eq!(judged("max-age=60, private", &policy()), Verdict::Unshared(Unshared::Directive));
    assert_eq!(judged("max-age=60,", &policy()), Verdict::Unshared(Unshared::Directive), "malformed");
}
