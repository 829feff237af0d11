//! A stored answer that the upstream says is current (RFC 9111, 4.3).

use tokio::time::sleep;

use super::*;

const TTL: Duration = Duration::from_mins(1);
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const A_MINUTE_LATER: &str = "Sun, 06 Nov 1994 08:50:37 GMT";

/// A cache with a stale answer.
async fn stale(policy: CachePolicy, headers: &[(&'static str, &'static str)]) -> (Cache<Upstream>, Calls) {
    let (mut cache, mut calls, _) = cache(policy);
    let answer = cache.call(get("/v1/k"));
    calls.next().await.ok(headers, "value");
    text(answer.await.unwrap()).await.unwrap();
    sleep(TTL).await;
    (cache, calls)
}

#[tokio::test(start_paused = true)]
async fn a_304_makes_the_stored_answer_fresh_for_all_who_wait() {
    let headers = [("etag", "\"7\""), ("age", "9"), ("content-type", "text/plain"), ("x-old", "1")];
    let (mut cache, mut calls) = stale(keeping(), &headers).await;
    let waiting = [cache.call(get("/v1/k")), cache.call(get("/v1/k"))];
    let load = calls.next().await;
    assert_eq!(load.request.headers()["if-none-match"], "\"7\"");
    let changes =
        [("etag", "\"7\""), ("x-old", "2"), ("connection", "x-hop"), ("x-hop", "1"), ("content-length", "0")];
    load.answer(response(304, &changes, whole("")));
    let statuses = [
        "kivi; fwd=stale; fwd-status=304; stored; ttl=60",
        "kivi; fwd=stale; fwd-status=304; collapsed; stored; ttl=60",
    ];
    for (answer, status) in waiting.into_iter().zip(statuses) {
        let answer = answer.await.unwrap();
        assert_eq!((answer.status().as_u16(), cache_status(&answer)), (200, status));
        assert_eq!(answer.headers()["content-type"], "text/plain");
        assert_eq!(answer.headers()["x-old"], "2");
        assert!(!answer.headers().contains_key("x-hop") && !answer.headers().contains_key("age"));
        assert_eq!(text(answer).await.unwrap(), "value");
    }
    sleep(Duration::from_secs(10)).await;
    let hit = cache.call(get("/v1/k")).await.unwrap();
    assert_eq!(cache_status(&hit), "kivi; hit; ttl=50");
    assert_eq!(hit.headers()["age"], "10");
    assert_eq!(hit.headers()["x-old"], "2");
    assert_eq!(text(hit).await.unwrap(), "value");
    calls.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_answer_takes_its_place() {
    let (mut cache, mut calls) = stale(keeping(), &[("etag", "\"7\"")]).await;
    let answer = cache.call(get("/v1/k"));
    calls.next().await.ok(&[("etag", "\"8\"")], "newer");
    assert_eq!(read(answer).await, ("kivi; fwd=stale; stored; ttl=60".into(), "newer".into()));
}

#[tokio::test(start_paused = true)]
async fn a_304_about_another_answer_is_not_used() {
    let (mut cache, mut calls) = stale(keeping(), &[("etag", "\"7\"")]).await;
    let answer = cache.call(get("/v1/k"));
    calls.next().await.answer(response(304, &[("etag", "\"8\"")], whole("")));
    let again = calls.next().await;
    assert!(!again.request.headers().contains_key("if-none-match"));
    again.ok(&[("etag", "\"8\"")], "newer");
    assert_eq!(read(answer).await, ("kivi; fwd=stale; stored; ttl=60".into(), "newer".into()));
}

#[tokio::test(start_paused = true)]
async fn the_directives_of_the_304_decide() {
    let (mut cache, mut calls) = stale(keeping(), &[("etag", "\"7\"")]).await;
    let answer = cache.call(get("/v1/k"));
    calls.next().await.answer(response(304, &[("cache-control", "no-store")], whole("")));
    assert_eq!(read(answer).await, ("kivi; fwd=stale; detail=directive".into(), "value".into()));
    let next = tokio::spawn(cache.call(get("/v1/k")));
    let load = calls.next().await;
    assert!(!load.request.headers().contains_key("if-none-match"), "nothing is stored any more");
    drop(load);
    assert!(next.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_date_that_is_a_strong_validator_is_asked_about() {
    let headers = [("last-modified", MODIFIED), ("date", A_MINUTE_LATER), ("x-old", "1")];
    let (mut cache, mut calls) = stale(keeping(), &headers).await;
    let waiting = [cache.call(get("/v1/k")), cache.call(get("/v1/k"))];
    let load = calls.next().await;
    assert_eq!(load.request.headers()["if-modified-since"], MODIFIED);
    assert!(!load.request.headers().contains_key("if-none-match"));
    load.answer(response(304, &[("last-modified", MODIFIED), ("x-old", "2")], whole("")));
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-old"]), (200, &HeaderValue::from(2)));
        assert_eq!(text(answer).await.unwrap(), "value");
    }
    settle().await;
    assert_eq!(read(cache.call(get("/v1/k"))).await.0, "kivi; hit; ttl=59");
}

#[tokio::test(start_paused = true)]
async fn a_304_about_another_date_is_not_used() {
    let headers = [("last-modified", MODIFIED), ("date", A_MINUTE_LATER)];
    let (mut cache, mut calls) = stale(keeping(), &headers).await;
    let answer = cache.call(get("/v1/k"));
    calls.next().await.answer(response(304, &[("last-modified", A_MINUTE_LATER)], whole("")));
    let again = calls.next().await;
    assert!(!again.request.headers().contains_key("if-modified-since"));
    again.ok(&[("last-modified", A_MINUTE_LATER)], "newer");
    assert_eq!(read(answer).await.1, "newer");
}

#[tokio::test(start_paused = true)]
async fn a_clients_condition_is_answered_when_that_of_the_cache_is() {
    for (tag, status) in [("\"7\"", 304), ("\"6\"", 200)] {
        let (mut cache, mut calls) = stale(keeping(), &[("etag", "\"7\"")]).await;
        let answer = cache.call(request("GET", "/v1/k", &[("if-none-match", tag)]));
        let load = calls.next().await;
        assert_eq!(load.request.headers()["if-none-match"], "\"7\"", "about what is stored");
        load.answer(response(304, &[], whole("")));
        let answer = answer.await.unwrap();
        let expected = (status, "kivi; fwd=stale; fwd-status=304; stored; ttl=60");
        assert_eq!((answer.status().as_u16(), cache_status(&answer)), expected);
        settle().await;
        assert_eq!(read(cache.call(get("/v1/k"))).await.1, "value");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_makes_what_is_stored_fresh_or_newer() {
    for is_current in [true, false] {
        let (mut cache, mut calls) = stale(keeping(), &[("etag", "\"7\"")]).await;
        let head = tokio::spawn(cache.call(request("HEAD", "/v1/k", &[])));
        let load = calls.next().await;
        assert_eq!(
            (load.request.method().as_str(), &load.request.headers()["if-none-match"]),
            ("GET", &HeaderValue::from_static("\"7\""))
        );
        let (body, status) = if is_current {
            load.answer(response(304, &[], whole("")));
            ("value", "kivi; fwd=stale; fwd-status=304; stored; ttl=60")
        } else {
            load.ok(&[("etag", "\"8\"")], "newer");
            ("newer", "kivi; fwd=stale; stored; ttl=60")
        };
        let head = head.await.unwrap().unwrap();
        assert_eq!((head.status().as_u16(), cache_status(&head)), (200, status));
        assert_eq!(text(head).await.unwrap(), "");
        settle().await;
        assert_eq!(read(cache.call(get("/v1/k"))).await, ("kivi; hit; ttl=59".into(), body.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_validator_nothing_is_asked() {
    let weak = [("last-modified", MODIFIED), ("date", "Sun, 06 Nov 1994 08:50:36 GMT")];
    for headers in [&weak[..], &[("etag", "7")]] {
        let (mut cache, mut calls) = stale(keeping(), headers).await;
        let _answer = cache.call(get("/v1/k"));
        let load = calls.next().await;
        for name in ["if-none-match", "if-modified-since"] {
            assert!(!load.request.headers().contains_key(name), "{headers:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_may_find_it_current_too() {
    let policy = CachePolicy { stale_while_revalidate: TTL, ..keeping() };
    let (mut cache, mut calls) = stale(policy, &[("etag", "\"7\"")]).await;
    assert_eq!(read(cache.call(get("/v1/k"))).await.1, "value");
    calls.next().await.answer(response(304, &[], whole("")));
    settle().await;
    assert_eq!(read(cache.call(get("/v1/k"))).await, ("kivi; hit; ttl=59".into(), "value".into()));
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_stays_to_be_asked_about_until_an_answer_takes_its_place() {
    let (mut cache, mut calls) = stale(keeping(), &[("etag", "\"7\"")]).await;
    let past = tokio::spawn(cache.call(request("GET", "/v1/k", &[("range", "bytes=0-0")])));
    calls.next().await.answer(response(206, &[("etag", "\"7\"")], whole("v")));
    assert_eq!(read(async { past.await.unwrap() }).await.0, "kivi; fwd=bypass; detail=range");
    let failed = cache.call(get("/v1/k"));
    calls.next().await.refuse("down");
    assert!(failed.await.is_err());
    sleep(CachePolicy::default().error_ttl).await;
    let answer = cache.call(get("/v1/k"));
    calls.next().await.answer(response(304, &[], whole("")));
    let expected = "kivi; fwd=stale; fwd-status=304; stored; ttl=60";
    assert_eq!(read(answer).await, (expected.into(), "value".into()));
}
