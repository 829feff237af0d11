//! What kind of request this is for the cache: a function of its method and headers.

use http::{HeaderMap, Method, header};

use super::{directives::Directives, range, status::CacheStatus};

/// What the layer does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// A GET that may share a load.
    Share,
    /// A GET that wants the origin's answer of now: a load of its own, which is for others from then on.
    Reload,
    /// Answered from a fresh stored answer, else forwarded with this status.
    Stored(CacheStatus),
    /// Answered from a stored answer, or not at all.
    OnlyStored,
    /// Not answered: it wants a stored answer, and is not one that a stored answer is for.
    Unanswered,
    /// Forwarded.
    Forward(CacheStatus),
    /// Forwarded, and it may change what GETs return.
    Write(Reach),
}

/// Which resources a write may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The one that it names: PUT, DELETE, PATCH.
    Target,
    /// Any: POST, and methods whose meaning is not known.
    Any,
}

/// Sorts a request. `has_body`: its content is not known to be empty.
pub(super) fn classify(method: &Method, headers: &HeaderMap, has_body: bool) -> Plan {
    match *method {
        Method::GET | Method::HEAD => {
            let plan = read(method, headers, has_body);
            if !asks_for_stored(headers) {
                return plan;
            }
            match plan {
                Plan::Share | Plan::Stored(_) => Plan::OnlyStored,
                _ => Plan::Unanswered,
            }
        }
        Method::OPTIONS | Method::TRACE => Plan::Forward(CacheStatus::Method),
        Method::PUT | Method::DELETE | Method::PATCH => Plan::Write(Reach::Target),
        _ => Plan::Write(Reach::Any),
    }
}

fn read(method: &Method, headers: &HeaderMap, has_body: bool) -> Plan {
    let has = |name| headers.contains_key(name);
    if has_body {
        // An answer to content that the key does not hold must not be shared.
        return Plan::Forward(CacheStatus::Bypass("content"));
    }
    if has(header::UPGRADE) || accepts_events(headers) {
        return Plan::Forward(CacheStatus::Bypass("stream"));
    }
    if has(header::IF_MATCH) || has(header::IF_UNMODIFIED_SINCE) {
        // For the origin only (RFC 9110, 13.1.1 and 13.1.4).
        return Plan::Forward(CacheStatus::Bypass("conditional"));
    }
    // Without a range `If-Range` means nothing, and a range means nothing to HEAD (RFC 9110, 13.1.5, 14.2).
    let has_range = *method == Method::GET && has(header::RANGE);
    if has_range && !range::is_single(headers) {
        return Plan::Forward(CacheStatus::Bypass("range"));
    }
    // What of the origin's answer a client has already (`If-None-Match`, `If-Modified-Since`) is not asked
    // here: a load is of the whole, and the condition is answered from that.
    let is_whole = *method == Method::GET && !has_range;
    match origin_wish(headers) {
        Some(OriginWish::Reload) if is_whole => Plan::Reload,
        Some(OriginWish::Reload | OriginWish::NothingKept) => Plan::Forward(CacheStatus::Request),
        None if is_whole => Plan::Share,
        None => Plan::Stored(CacheStatus::Bypass(if has_range { "range" } else { "head" })),
    }
}

/// How a request asks for the origin's answer.
enum OriginWish {
    /// And that nothing of it is stored (RFC 9111, 5.2.1.5).
    NothingKept,
    /// As of now (5.2.1.4 and 5.4; 5.2.1.1 with an age of zero).
    Reload,
}

fn origin_wish(headers: &HeaderMap) -> Option<OriginWish> {
    if headers.contains_key(header::CACHE_CONTROL) {
        let directives = Directives::of(headers);
        if directives.no_store {
            return Some(OriginWish::NothingKept);
        }
        let reloads = directives.no_cache || directives.max_age.is_some_and(|age| age.is_zero());
        return reloads.then_some(OriginWish::Reload);
    }
    let pragma = headers.get(header::PRAGMA)?;
    pragma.as_bytes().trim_ascii().eq_ignore_ascii_case(b"no-cache").then_some(OriginWish::Reload)
}

/// `only-if-cached` (RFC 9111, 5.2.1.7).
fn asks_for_stored(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CACHE_CONTROL) && Directives::of(headers).only_if_cached
}

fn accepts_events(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|value| value.to_str().is_ok_and(|text| text.contains("text/event-stream")))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn plan(method: &Method, lines: &[(HeaderName, &'static str)]) -> Plan {
        let headers =
            lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        classify(method, &headers, false)
    }

    #[test]
    fn methods_are_sorted_by_what_they_may_change() {
        assert_eq!(plan(&Method::GET, &[]), Plan::Share);
        assert_eq!(plan(&Method::HEAD, &[]), Plan::Stored(CacheStatus::Bypass("head")));
        assert_eq!(plan(&Method::OPTIONS, &[]), Plan::Forward(CacheStatus::Method));
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            assert_eq!(plan(&method, &[]), Plan::Write(Reach::Target));
        }
        for method in [Method::POST, Method::from_bytes(b"MOVE").unwrap()] {
            assert_eq!(plan(&method, &[]), Plan::Write(Reach::Any));
        }
    }

    #[test]
    fn several_ranges_and_the_origins_conditions_go_around_the_cache() {
        for (name, detail) in [
            (header::RANGE, "range"),
            (header::IF_MATCH, "conditional"),
            (header::IF_UNMODIFIED_SINCE, "conditional"),
            (header::UPGRADE, "stream"),
        ] {
            assert_eq!(plan(&Method::GET, &[(name, "x")]), Plan::Forward(CacheStatus::Bypass(detail)));
        }
        assert_eq!(
            plan(&Method::GET, &[(header::ACCEPT, "text/event-stream")]),
            Plan::Forward(CacheStatus::Bypass("stream"))
        );
        assert_eq!(
            classify(&Method::GET, &HeaderMap::new(), true),
            Plan::Forward(CacheStatus::Bypass("content"))
        );
    }

    #[test]
    fn one_range_is_for_a_stored_answer_or_the_origin() {
        let range = (header::RANGE, "bytes=0-1");
        let if_range = (header::IF_RANGE, "x");
        let stored = Plan::Stored(CacheStatus::Bypass("range"));
        assert_eq!(plan(&Method::GET, std::slice::from_ref(&range)), stored);
        assert_eq!(plan(&Method::GET, &[range.clone(), if_range.clone()]), stored);
        assert_eq!(plan(&Method::GET, &[if_range]), Plan::Share);
        assert_eq!(
            plan(&Method::GET, &[range.clone(), (header::CACHE_CONTROL, "no-cache")]),
            Plan::Forward(CacheStatus::Request)
        );
        assert_eq!(
            plan(&Method::GET, &[range.clone(), (header::IF_MATCH, "x")]),
            Plan::Forward(CacheStatus::Bypass("conditional"))
        );
        assert_eq!(plan(&Method::HEAD, &[range]), Plan::Stored(CacheStatus::Bypass("head")));
    }

    #[test]
    fn a_caches_condition_is_answered_from_a_load_for_all() {
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
            assert_eq!(plan(&Method::GET, &[(name.clone(), "x")]), Plan::Share);
            assert_eq!(plan(&Method::HEAD, &[(name, "x")]), Plan::Stored(CacheStatus::Bypass("head")));
        }
    }

    #[test]
    fn a_request_may_ask_for_the_origin() {
        let past = Plan::Forward(CacheStatus::Request);
        for line in ["no-cache", "max-age=0"] {
            assert_eq!(plan(&Method::GET, &[(header::CACHE_CONTROL, line)]), Plan::Reload);
            assert_eq!(plan(&Method::HEAD, &[(header::CACHE_CONTROL, line)]), past);
        }
        assert_eq!(plan(&Method::GET, &[(header::CACHE_CONTROL, "no-cache, no-store")]), past);
        assert_eq!(plan(&Method::GET, &[(header::PRAGMA, "no-cache")]), Plan::Reload);
        assert_eq!(
            plan(&Method::GET, &[(header::PRAGMA, "no-cache"), (header::CACHE_CONTROL, "max-age=60")]),
            Plan::Share
        );
    }

    #[test]
    fn a_request_may_want_a_stored_answer_or_none() {
        let only = |line| plan(&Method::GET, &[(header::CACHE_CONTROL, line)]);
        assert_eq!(only("only-if-cached"), Plan::OnlyStored);
        assert_eq!(only("only-if-cached, max-age=5"), Plan::OnlyStored);
        assert_eq!(only("only-if-cached, no-cache"), Plan::Unanswered);
        let line = (header::CACHE_CONTROL, "only-if-cached");
        assert_eq!(plan(&Method::HEAD, std::slice::from_ref(&line)), Plan::OnlyStored);
        assert_eq!(plan(&Method::GET, &[line.clone(), (header::IF_MATCH, "x")]), Plan::Unanswered);
        assert_eq!(plan(&Method::PUT, &[line]), Plan::Write(Reach::Target));
    }
}
