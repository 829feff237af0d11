//! What a request itself wants of the cache (RFC 9111, 5.2.1).

use tokio::time::sleep;

use super::*;

/// A cache with an answer that is fresh for 60 seconds and 20 of them old.
async fn aged(policy: CachePolicy) -> (Cache<Upstream>, Calls) {
    let (mut cache, mut calls, _) = cache(policy);
    let answer = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "old");
    assert_eq!(read(answer).await.1, "old");
    sleep(Duration::from_secs(20)).await;
    (cache, calls)
}

fn wanting(line: &'static str) -> Request<Empty<Bytes>> {
    request("GET", "/v1/k", &[("cache-control", line)])
}

#[tokio::test(start_paused = true)]
async fn a_fresh_answer_may_not_be_fresh_enough() {
    for (line, served) in [
        ("max-age=20", true),
        ("max-age=19", false),
        ("min-fresh=40", true),
        ("min-fresh=41", false),
        ("max-stale=5", true),
    ] {
        let (mut cache, mut calls) = aged(keeping()).await;
        let answer = cache.call(wanting(line));
        if served {
            assert_eq!(read(answer).await, ("kivi; hit; ttl=40".into(), "old".into()), "{line}");
            continue;
        }
        calls.next().await.ok(&[], "new");
        assert_eq!(read(answer).await, ("kivi; fwd=request; stored; ttl=60".into(), "new".into()), "{line}");
        settle().await;
        assert_eq!(read(cache.call(get("/v1/k"))).await.1, "new", "kept for the others");
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_want_it_fresher_share_one_load_and_the_others_do_not_wait() {
    let (mut cache, mut calls) = aged(keeping()).await;
    let picky: Vec<_> = (0..9).map(|_| cache.call(wanting("max-age=5"))).collect();
    assert_eq!(read(cache.call(get("/v1/k"))).await.1, "old");
    calls.next().await.ok(&[], "new");
    for (index, answer) in picky.into_iter().enumerate() {
        let expected = if index == 0 { "kivi; fwd=request;" } else { "kivi; fwd=request; collapsed;" };
        assert!(read(answer).await.0.starts_with(expected));
    }
    calls.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_is_answered_from_the_store_or_by_504() {
    for (line, path, status, expected) in [
        ("only-if-cached", "/v1/k", 200, "kivi; hit; ttl=40"),
        ("only-if-cached, max-age=20", "/v1/k", 200, "kivi; hit; ttl=40"),
        ("only-if-cached, max-age=19", "/v1/k", 504, "kivi; detail=only-if-cached"),
        ("only-if-cached, no-cache", "/v1/k", 504, "kivi; detail=only-if-cached"),
        ("only-if-cached", "/v1/other", 504, "kivi; detail=only-if-cached"),
    ] {
        let (mut cache, mut calls) = aged(keeping()).await;
        for method in ["GET", "HEAD"] {
            let answer = cache.call(request(method, path, &[("cache-control", line)])).await.unwrap();
            assert_eq!((answer.status().as_u16(), cache_status(&answer)), (status, expected), "{line}");
            assert_eq!(text(answer).await.unwrap().is_empty(), method == "HEAD");
        }
        calls.assert_none().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_for_all_does_not_carry_what_only_its_leader_puts_up_with() {
    for (line, carried) in [("max-stale", false), ("max-stale=5, max-age=9", false), ("max-age=9", true)] {
        let (mut cache, mut calls, _) = cache(keeping());
        let _answer = cache.call(wanting(line));
        let load = calls.next().await;
        assert_eq!(load.request.headers().contains_key("cache-control"), carried, "{line}");
    }
    let refreshing = CachePolicy { stale_while_revalidate: Duration::from_mins(2), ..keeping() };
    let (mut cache, mut calls) = aged(refreshing).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(read(cache.call(wanting("only-if-cached"))).await.1, "old");
    assert!(!calls.next().await.request.headers().contains_key("cache-control"));
}

#[tokio::test(start_paused = true)]
async fn what_a_request_must_not_leave_behind_is_not_stored() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let answer = tokio::spawn(cache.call(wanting("no-store, no-cache")));
    calls.next().await.ok(&[("cache-control", "max-age=60")], "value");
    assert_eq!(read(async { answer.await.unwrap() }).await.0, "kivi; fwd=request");
    settle().await;
    assert_eq!(metrics.entries.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_kept_for_the_others() {
    for reload in [("cache-control", "no-cache"), ("cache-control", "max-age=0"), ("pragma", "no-cache")] {
        let (mut cache, mut calls) = aged(keeping()).await;
        let answer = cache.call(request("GET", "/v1/k", &[reload]));
        let load = calls.next().await;
        assert_eq!(load.request.headers()[reload.0], reload.1, "a cache before the origin is to know too");
        load.ok(&[], "new");
        let expected = "kivi; fwd=request; stored; ttl=60";
        assert_eq!(read(answer).await, (expected.into(), "new".into()), "{reload:?}");
        settle().await;
        assert_eq!(read(cache.call(get("/v1/k"))).await, ("kivi; hit; ttl=59".into(), "new".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_joins_no_earlier_load_whose_answer_does_not_take_its_place_either() {
    let (mut cache, mut calls, _) = cache(keeping());
    let before = cache.call(get("/v1/k"));
    let earlier = calls.next().await;
    let reloading = cache.call(wanting("no-cache"));
    let reload = calls.next().await;
    let after = cache.call(get("/v1/k"));
    calls.assert_none().await;
    reload.ok(&[], "new");
    assert_eq!(read(reloading).await.1, "new");
    assert_eq!(read(after).await, ("kivi; fwd=miss; collapsed; stored; ttl=60".into(), "new".into()));
    earlier.ok(&[], "old");
    assert_eq!(read(before).await.1, "old");
    settle().await;
    assert_eq!(read(cache.call(get("/v1/k"))).await.1, "new");
}

#[tokio::test(start_paused = true)]
async fn a_reload_asks_about_what_is_stored_and_makes_it_fresh() {
    let (mut cache, mut calls, _) = cache(keeping());
    let answer = cache.call(get("/v1/k"));
    calls.next().await.ok(&[("etag", "\"7\"")], "value");
    assert_eq!(read(answer).await.1, "value");
    sleep(Duration::from_secs(20)).await;
    let answer = cache.call(wanting("no-cache"));
    let load = calls.next().await;
    assert_eq!(load.request.headers()["if-none-match"], "\"7\"");
    load.answer(response(304, &[], whole("")));
    let expected = "kivi; fwd=request; fwd-status=304; stored; ttl=60";
    assert_eq!(read(answer).await, (expected.into(), "value".into()));
    settle().await;
    assert_eq!(read(cache.call(get("/v1/k"))).await.0, "kivi; hit; ttl=59");
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_fails_leaves_what_is_stored() {
    for fails in [true, false] {
        let (mut cache, mut calls) = aged(keeping()).await;
        let answer = cache.call(wanting("no-cache"));
        let load = calls.next().await;
        if fails {
            load.refuse("down");
        } else {
            load.answer(response(503, &[], whole("busy")));
        }
        assert!(answer.await.is_ok_and(|answer| answer.status() == 503) != fails);
        assert_eq!(read(cache.call(get("/v1/k"))).await, ("kivi; hit; ttl=40".into(), "old".into()));
        let again = cache.call(wanting("no-cache"));
        calls.next().await.ok(&[], "new");
        assert_eq!(read(again).await.1, "new", "nor is it answered by the failure before");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_past_the_store_ends_what_it_shows_to_be_outdated() {
    const OLD: &[(&str, &str)] = &[("etag", "\"7\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")];
    for (method, status, newer, ends) in [
        ("HEAD", 200, &[("etag", "\"8\"")][..], true),
        ("GET", 200, &[("etag", "\"8\"")], true),
        ("GET", 206, &[("etag", "\"8\""), ("content-length", "1")], true),
        ("GET", 206, &[("etag", "\"7\""), ("content-length", "1")], false),
        ("GET", 304, &[("etag", "\"8\"")], true),
        ("GET", 304, &[("etag", "\"7\"")], false),
        ("HEAD", 404, &[], true),
        ("GET", 410, &[], true),
        ("HEAD", 200, &[("last-modified", "Sun, 06 Nov 1994 08:49:38 GMT")], true),
        ("HEAD", 200, &[("etag", "\"7\""), ("content-length", "9")], true),
        ("HEAD", 200, &[("etag", "\"7\""), ("content-length", "3")], false),
        ("HEAD", 200, &[], false),
        ("HEAD", 503, &[("etag", "\"8\"")], false),
    ] {
        let (mut cache, mut calls, metrics) = cache(keeping());
        let answer = cache.call(get("/v1/k"));
        calls.next().await.ok(OLD, "old");
        assert_eq!(read(answer).await.1, "old");
        settle().await;
        let past = tokio::spawn(cache.call(request(method, "/v1/k", &[("cache-control", "no-store")])));
        calls.next().await.answer(response(status, newer, whole("")));
        past.await.unwrap().unwrap();
        assert_eq!(metrics.entries.get() == 0, ends, "{method} {status} {newer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_whose_answer_is_not_for_others_ends_what_it_shows_to_be_outdated() {
    for (status, tag, ends) in
        [(200, "\"8\"", true), (200, "\"7\"", false), (404, "", true), (503, "", false)]
    {
        let (mut cache, mut calls, metrics) = cache(keeping());
        let answer = cache.call(get("/v1/k"));
        calls.next().await.ok(&[("etag", "\"7\"")], "old");
        assert_eq!(read(answer).await.1, "old");
        settle().await;
        let reload = cache.call(wanting("no-cache"));
        let newer = [("cache-control", "no-store"), ("etag", tag)];
        calls.next().await.answer(response(status, &newer, whole("new")));
        assert_eq!(read(reload).await.1, "new");
        assert_eq!(metrics.entries.get() == 0, ends, "{status} {tag}");
    }
}
