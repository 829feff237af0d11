use http::{HeaderName, HeaderValue};

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn judged(
    policy: &CachePolicy,
    credentials: bool,
    status: u16,
    lines: &[(HeaderName, &'static str)],
) -> Verdict {
    let headers = lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
    let status = StatusCode::from_u16(status).unwrap();
    judge(policy, credentials, status, &headers, None, SystemTime::UNIX_EPOCH)
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
    assert_eq!(lifetime(&judged(&policy(), false, 404, &[])), Some(MINUTE));
    assert_eq!(lifetime(&judged(&CachePolicy::default(), false, 200, &[])), None);
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
    for line in ["no-store", "private, max-age=60", "no-cache", "max-age=0, must-revalidate", "s-maxage=0"] {
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
    assert_eq!(with("max-age=60"), Verdict::Unshared(Unshared::Credentials));
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
    let at = |length| {
        judge(&policy, false, StatusCode::OK, &HeaderMap::new(), Some(length), SystemTime::UNIX_EPOCH)
    };
    assert!(matches!(at(policy.max_object_bytes), Verdict::Shared(_)));
    assert_eq!(at(policy.max_object_bytes + 1), Verdict::Unshared(Unshared::TooLarge));
}
