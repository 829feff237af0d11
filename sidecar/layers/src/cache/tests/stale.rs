//! What is served after its freshness: while it is refreshed, or in place of a failure.

use std::io;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::*;
use crate::timeout::Deadline;

const TTL: Duration = Duration::from_mins(1);
const WINDOW: Duration = Duration::from_mins(2);

/// Fresh for a minute, then served for two while it is refreshed.
fn refreshing() -> CachePolicy {
    CachePolicy { stale_while_revalidate: WINDOW, ..keeping() }
}

/// Fresh for a minute, then served for two in place of a failure.
fn outlasting() -> CachePolicy {
    CachePolicy { stale_if_error: WINDOW, ..keeping() }
}

/// A cache with an answer that has been stale for three seconds and a half.
async fn stale(
    policy: CachePolicy,
    headers: &[(&'static str, &'static str)],
) -> (Cache<Upstream>, Calls, CacheMetrics) {
    let (mut cache, mut calls, metrics) = cache(policy);
    let answer = cache.call(get("/v1/k"));
    calls.next().await.ok(headers, "old");
    assert_eq!(read(answer).await.1, "old");
    sleep(TTL + Duration::from_millis(3500)).await;
    (cache, calls, metrics)
}

fn with_cache_control(line: &'static str) -> Request<Empty<Bytes>> {
    request("GET", "/v1/k", &[("cache-control", line)])
}

fn assert_is(found: &(String, String), status: &str, body: &str) {
    assert_eq!((found.0.as_str(), found.1.as_str()), (status, body));
}

#[tokio::test(start_paused = true)]
async fn all_who_come_in_the_window_are_served_at_once_and_one_load_refreshes() {
    let (mut cache, mut calls, metrics) = stale(refreshing(), &[]).await;
    let before = Instant::now();
    for _ in 0..200 {
        let answer = cache.call(get("/v1/k")).await.unwrap();
        assert_eq!(answer.headers()["age"], "63");
        assert_eq!(cache_status(&answer), "kivi; hit; ttl=-4");
        assert_eq!(text(answer).await.unwrap(), "old");
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!((metrics.stale.get(), metrics.miss.get()), (200, 2));
    let mut loads = calls.take_all().await;
    assert_eq!(loads.len(), 1, "one load for all");
    loads.remove(0).ok(&[], "new");
    settle().await;
    assert_is(&read(cache.call(get("/v1/k"))).await, "kivi; hit; ttl=59", "new");
    assert_eq!(metrics.entries.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_ends_by_its_own_deadline_and_not_for_want_of_readers() {
    let (mut cache, mut calls, _) = stale(refreshing(), &[]).await;
    drop(cache.call(get("/v1/k")));
    let refresh = calls.next().await;
    // One that wants it fresh joins, and leaves.
    let joined = cache.call(with_cache_control("max-age=60"));
    calls.assert_none().await;
    drop(joined);
    let half = CachePolicy::default().load_timeout / 2;
    sleep(half).await;
    assert!(!refresh.reply.is_closed());
    sleep(half).await;
    settle().await;
    assert!(refresh.reply.is_closed());
    assert_eq!(read(cache.call(get("/v1/k"))).await.1, "old");
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_leaves_the_answer_and_is_retried_after_the_error_ttl() {
    let (mut cache, mut calls, _) = stale(refreshing(), &[]).await;
    for attempt in 0..4 {
        assert_eq!(read(cache.call(get("/v1/k"))).await.1, "old");
        let refresh = calls.next().await;
        match attempt {
            0 => refresh.refuse(io::Error::from(io::ErrorKind::ConnectionRefused)),
            1 => refresh.answer(response(503, &[], whole("busy"))),
            2 => refresh.answer(response(503, &[("cache-control", "no-store")], whole("busy"))),
            _ => drop(refresh),
        }
        settle().await;
        for _ in 0..10 {
            let found = read(cache.call(get("/v1/k"))).await;
            assert!(found.0.starts_with("kivi; hit; ttl=-"), "{}", found.0);
            assert_eq!(found.1, "old");
        }
        calls.assert_none().await;
        sleep(Duration::from_secs(1)).await;
    }
    sleep(WINDOW).await;
    let answer = cache.call(get("/v1/k"));
    calls.next().await.answer(response(503, &[], whole("busy")));
    assert_eq!(answer.await.unwrap().status(), 503, "the window is over");
}

#[tokio::test(start_paused = true)]
async fn head_and_conditions_are_served_stale_and_refreshed_by_a_get_for_the_store() {
    for (method, condition, status) in
        [("HEAD", None, 200), ("GET", Some(("if-none-match", "\"6\", \"7\"")), 304)]
    {
        let (mut cache, mut calls, _) = stale(refreshing(), &[("etag", "\"7\"")]).await;
        let request = request(method, "/v1/k", condition.as_slice());
        let answer = cache.call(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), cache_status(&answer)), (status, "kivi; hit; ttl=-4"));
        let refresh = calls.next().await;
        assert_eq!(refresh.request.method(), "GET");
        assert_eq!(refresh.request.headers()["if-none-match"], "\"7\"", "about the stored answer only");
        refresh.ok(&[], "new");
        settle().await;
        assert_eq!(read(cache.call(get("/v1/k"))).await.1, "new");
    }
}

#[tokio::test(start_paused = true)]
async fn the_answers_own_window_wins() {
    for (line, served) in [
        ("max-age=60, stale-while-revalidate=3", false),
        ("max-age=60, stale-while-revalidate=4", true),
        ("max-age=60, must-revalidate", false),
        ("max-age=60, proxy-revalidate, stale-while-revalidate=600", false),
        ("s-maxage=60, stale-while-revalidate=600", false),
    ] {
        let (mut cache, mut calls, _) = stale(refreshing(), &[("cache-control", line)]).await;
        let answer = tokio::spawn(cache.call(get("/v1/k")));
        let load = calls.next().await;
        load.ok(&[], "new");
        let body = read(async { answer.await.unwrap() }).await.1;
        assert_eq!(body == "old", served, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_stale_at_once_may_ask_to_be_served_so() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let answer = cache.call(get("/v1/k"));
    calls.next().await.ok(&[("cache-control", "max-age=0, stale-while-revalidate=9")], "old");
    assert_eq!(read(answer).await.1, "old");
    sleep(Duration::from_millis(8500)).await;
    assert_is(&read(cache.call(get("/v1/k"))).await, "kivi; hit; ttl=-9", "old");
    assert_eq!(calls.take_all().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_may_want_it_fresh() {
    for line in ["max-age=60", "min-fresh=1", "no-cache", "max-stale=2"] {
        let (mut cache, mut calls, _) = stale(refreshing(), &[]).await;
        let answer = tokio::spawn(cache.call(with_cache_control(line)));
        calls.next().await.ok(&[], "new");
        assert_eq!(read(async { answer.await.unwrap() }).await.1, "new", "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_to_be_kept_ends_the_stale_one() {
    for headers in [&[("cache-control", "no-store")][..], &[("cache-control", "max-age=0")]] {
        let policy = CachePolicy { unshared_ttl: Duration::ZERO, ..refreshing() };
        let (mut cache, mut calls, metrics) = stale(policy, &[]).await;
        assert_eq!(read(cache.call(get("/v1/k"))).await.1, "old");
        calls.next().await.ok(headers, "new");
        settle().await;
        assert_eq!(metrics.entries.get(), 0);
        let answer = cache.call(get("/v1/k"));
        calls.next().await.ok(&[], "newer");
        assert_eq!(read(answer).await.1, "newer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_turns_out_too_large_stops() {
    let policy = CachePolicy { max_object_bytes: 1000, ..refreshing() };
    let (mut cache, mut calls, _) = stale(policy, &[]).await;
    assert_eq!(read(cache.call(get("/v1/k"))).await.1, "old");
    let pieces = calls.next().await.stream(&[]);
    while pieces.send(piece(vec![b'x'; 600])).await.is_ok() {}
}

#[tokio::test(start_paused = true)]
async fn no_stale_answer_is_older_than_an_acknowledged_write() {
    let both = CachePolicy { stale_if_error: WINDOW, ..refreshing() };
    let (mut cache, mut calls, metrics) = stale(both, &[]).await;
    assert_eq!(read(cache.call(get("/v1/k"))).await.1, "old");
    let refresh = calls.next().await;
    let write = tokio::spawn(cache.call(put("/v1/k")));
    let put = calls.next().await;
    assert_eq!(read(cache.call(get("/v1/k"))).await.1, "old", "not acknowledged yet");
    put.answer(response(204, &[], whole("")));
    write.await.unwrap().unwrap();
    // The refresh read before the write took effect.
    refresh.ok(&[], "old");
    settle().await;
    assert_eq!(metrics.entries.get(), 0);
    let answer = cache.call(get("/v1/k"));
    calls.next().await.refuse("down");
    assert!(answer.await.is_err(), "an error rather than an answer from before the write");
}

#[tokio::test(start_paused = true)]
async fn a_write_while_a_load_fails_leaves_nothing_to_stand_in() {
    let (mut cache, mut calls, _) = stale(outlasting(), &[]).await;
    let answer = cache.call(get("/v1/k"));
    let load = calls.next().await;
    let write = tokio::spawn(cache.call(put("/v1/k")));
    calls.next().await.answer(response(204, &[], whole("")));
    write.await.unwrap().unwrap();
    load.refuse("down");
    assert!(answer.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stale_listing_is_not_served_after_any_write_and_nothing_after_a_post() {
    for (write, path, served) in
        [("PUT", "/v1/?prefix=a", false), ("PUT", "/v1/k", true), ("POST", "/v1/k", false)]
    {
        for (status, acknowledged) in [(204, true), (503, false)] {
            let (mut cache, mut calls, _) = cache(refreshing());
            let answer = cache.call(get(path));
            calls.next().await.ok(&[], "old");
            assert_eq!(read(answer).await.1, "old");
            sleep(TTL).await;
            let write = tokio::spawn(cache.call(request(write, "/v1/other", &[])));
            calls.next().await.answer(response(status, &[], whole("")));
            write.await.unwrap().unwrap();
            let answer = tokio::spawn(cache.call(get(path)));
            calls.next().await.ok(&[], "new");
            let body = read(async { answer.await.unwrap() }).await.1;
            assert_eq!(body == "old", served || !acknowledged, "{path} after {status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_answered_from_the_store_to_all_who_waited_and_kept_for_a_moment() {
    for status in [None, Some(500), Some(502), Some(503), Some(504)] {
        let (mut cache, mut calls, metrics) = stale(outlasting(), &[]).await;
        let waiting: Vec<_> = (0..200).map(|_| cache.call(get("/v1/k"))).collect();
        let load = calls.next().await;
        let expected = match status {
            None => {
                load.refuse(io::Error::from(io::ErrorKind::ConnectionRefused));
                "kivi; fwd=stale; ttl=-4; detail=stale-if-error".to_owned()
            }
            Some(status) => {
                load.answer(response(status, &[], whole("busy")));
                format!("kivi; fwd=stale; fwd-status={status}; ttl=-4; detail=stale-if-error")
            }
        };
        for answer in join_all(waiting).await {
            let answer = answer.unwrap();
            assert_eq!((answer.status().as_u16(), cache_status(&answer)), (200, expected.as_str()));
            assert_eq!(text(answer).await.unwrap(), "old");
        }
        assert_eq!(metrics.stale.get(), 200);
        let again = read(cache.call(get("/v1/k"))).await;
        assert_is(&again, "kivi; hit; ttl=-4; detail=stale-if-error", "old");
        calls.assert_none().await;
        sleep(Duration::from_secs(1)).await;
        let healed = cache.call(get("/v1/k"));
        calls.next().await.ok(&[], "new");
        assert_is(&read(healed).await, "kivi; fwd=stale; stored; ttl=60", "new");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_for_one_request_only_is_answered_from_the_store_to_all() {
    let (mut cache, mut calls, _) = stale(outlasting(), &[]).await;
    let waiting: Vec<_> = (0..20).map(|_| cache.call(get("/v1/k"))).collect();
    calls.next().await.answer(response(503, &[("cache-control", "no-store")], whole("busy")));
    for answer in join_all(waiting).await {
        assert_eq!(text(answer.unwrap()).await.unwrap(), "old");
    }
    calls.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_takes_too_long_or_breaks_off_at_once_is_a_failure() {
    let (mut cache, mut calls, _) = stale(outlasting(), &[]).await;
    let answer = cache.call(get("/v1/k"));
    let _load = calls.next().await;
    assert_eq!(read(answer).await.1, "old");

    let (mut cache, mut calls, _) = stale(outlasting(), &[]).await;
    let answer = cache.call(get("/v1/k"));
    let broken = futures::stream::iter([Err::<Frame<Bytes>, BoxError>("reset".into())]);
    calls.next().await.answer(response(200, &[], StreamBody::new(broken).boxed_unsync()));
    assert_eq!(read(answer).await.1, "old");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_own_deadline_is_over_is_answered_from_the_store() {
    let (mut cache, mut calls, _) = stale(outlasting(), &[]).await;
    let limit = Duration::from_secs(2);
    let mut timed = crate::timeout::TimeoutLayer::new(limit).layer(cache.clone());
    let (start, answer) = (Instant::now(), timed.call(get("/v1/k")));
    let _load = calls.next().await;
    assert_eq!(read(answer).await.1, "old");
    assert!(start.elapsed() >= limit && start.elapsed() < limit * 2);
    // Without an answer in the store it is its layer's timeout, as ever.
    let mut late = get("/v1/other");
    late.extensions_mut().insert(Deadline(Instant::now() + limit));
    let late = tokio::time::timeout(limit * 2, cache.call(late));
    assert!(late.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn head_and_conditions_are_answered_from_the_store_when_forwarding_fails() {
    for (method, condition, status) in [("HEAD", None, 200), ("GET", Some(("if-none-match", "\"7\"")), 304)] {
        let (mut cache, mut calls, _) = stale(outlasting(), &[("etag", "\"7\"")]).await;
        let answer = tokio::spawn(cache.call(request(method, "/v1/k", condition.as_slice())));
        calls.next().await.answer(response(502, &[], whole("")));
        assert_eq!(answer.await.unwrap().unwrap().status(), status);
    }
}

#[tokio::test(start_paused = true)]
async fn another_status_is_the_answer_and_so_is_a_failure_to_who_wants_it_fresh() {
    for status in [400, 404, 429, 501] {
        let (mut cache, mut calls, _) = stale(outlasting(), &[]).await;
        let answer = tokio::spawn(cache.call(get("/v1/k")));
        calls.next().await.answer(response(status, &[], whole("no")));
        assert_eq!(answer.await.unwrap().unwrap().status(), status);
    }
    let (mut cache, mut calls, _) = stale(outlasting(), &[]).await;
    let picky = tokio::spawn(cache.call(with_cache_control("max-age=60")));
    let load = calls.next().await;
    let other = cache.call(get("/v1/k"));
    load.answer(response(503, &[], whole("busy")));
    assert_eq!(picky.await.unwrap().unwrap().status(), 503);
    assert_eq!(read(other).await.1, "old");
}

#[tokio::test(start_paused = true)]
async fn the_answers_own_word_on_failures_wins() {
    for (line, served) in [
        ("max-age=60, stale-if-error=3", false),
        ("max-age=60, stale-if-error=4", true),
        ("max-age=60, stale-if-error=600, must-revalidate", false),
        ("s-maxage=60, stale-if-error=600", false),
    ] {
        let (mut cache, mut calls, _) = stale(outlasting(), &[("cache-control", line)]).await;
        let answer = cache.call(get("/v1/k"));
        calls.next().await.answer(response(503, &[], whole("busy")));
        assert_eq!(answer.await.unwrap().status() == 200, served, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_requests_own_word_on_failures_wins_for_itself() {
    for (line, served) in [
        ("stale-if-error=3", false),
        ("stale-if-error=4", true),
        ("max-age=5, stale-if-error=4", true),
        ("no-cache, stale-if-error=4", false),
    ] {
        for status in [None, Some(503)] {
            let (mut cache, mut calls, _) = stale(keeping(), &[]).await;
            let answer = cache.call(with_cache_control(line));
            let load = calls.next().await;
            match status {
                Some(status) => load.answer(response(status, &[], whole("busy"))),
                None => load.refuse("down"),
            }
            let is_ok = answer.await.is_ok_and(|answer| answer.status() == 200);
            assert_eq!(is_ok, served, "{line} {status:?}");
        }
    }
    let (mut cache, mut calls, _) =
        stale(keeping(), &[("cache-control", "max-age=60, must-revalidate")]).await;
    let answer = cache.call(with_cache_control("stale-if-error=600"));
    calls.next().await.refuse("down");
    assert!(answer.await.is_err(), "the answer forbids it");
}
