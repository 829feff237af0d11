//! What is kept, for how long, and how much.

use tokio::time::sleep;

use super::*;

async fn store(
    cache: &mut Cache<Upstream>,
    calls: &mut Calls,
    path: &str,
    headers: &[(&'static str, &'static str)],
) {
    let answer = cache.call(get(path));
    calls.next().await.ok(headers, "value");
    assert_eq!(read(answer).await.1, "value");
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_stored_answer_is_served_with_its_age_until_it_is_stale() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    store(&mut cache, &mut calls, "/v1/k", &[("etag", "\"7\""), ("age", "5")]).await;
    sleep(Duration::from_secs(20)).await;
    let hit = cache.call(get("/v1/k")).await.unwrap();
    assert_eq!(hit.headers()["age"], "25");
    assert_eq!(hit.headers()["etag"], "\"7\"");
    assert_eq!(hit.headers()["content-length"], "5");
    assert_eq!(cache_status(&hit), "kivi; hit; ttl=39");
    assert_eq!(text(hit).await.unwrap(), "value");
    assert_eq!((metrics.hit.get(), metrics.entries.get()), (1, 1));
    sleep(Duration::from_secs(40)).await;
    let stale = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "newer");
    assert_eq!(read(stale).await, ("kivi; fwd=stale; stored; ttl=60".into(), "newer".into()));
    settle().await;
    assert_eq!(metrics.entries.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_answers_own_freshness_counts() {
    let (mut cache, mut calls, _) = cache(coalescing());
    store(&mut cache, &mut calls, "/v1/k", &[("cache-control", "max-age=10, s-maxage=3")]).await;
    assert_eq!(read(cache.call(get("/v1/k"))).await.0, "kivi; hit; ttl=2");
    sleep(Duration::from_secs(3)).await;
    let stale = cache.call(get("/v1/k"));
    assert_eq!(calls.take_all().await.len(), 1);
    drop(stale);
}

#[tokio::test(start_paused = true)]
async fn a_stored_answer_has_a_date() {
    for headers in [&[][..], &[("date", "Sun, 06 Nov 1994 08:49:37 GMT")]] {
        let (mut cache, mut calls, _) = cache(keeping());
        store(&mut cache, &mut calls, "/v1/k", headers).await;
        let hit = cache.call(get("/v1/k")).await.unwrap();
        let date = httpdate::parse_http_date(hit.headers()["date"].to_str().unwrap()).unwrap();
        let is_now = date.elapsed().unwrap() < Duration::from_hours(1);
        assert_eq!(is_now, headers.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_load_took_is_a_part_of_the_age() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let answer = cache.call(get("/v1/k"));
    let load = calls.next().await;
    sleep(Duration::from_secs(4)).await;
    load.ok(&[("cache-control", "max-age=10"), ("age", "2")], "value");
    assert_eq!(read(answer).await.0, "kivi; fwd=miss; stored; ttl=4");
    sleep(Duration::from_secs(1)).await;
    let hit = cache.call(get("/v1/k")).await.unwrap();
    assert_eq!((hit.headers()["age"].to_str().unwrap(), cache_status(&hit)), ("7", "kivi; hit; ttl=3"));
}

#[tokio::test(start_paused = true)]
async fn head_is_answered_from_a_stored_get() {
    let (mut cache, mut calls, _) = cache(keeping());
    store(&mut cache, &mut calls, "/v1/k", &[("etag", "\"7\"")]).await;
    let hit = cache.call(request("HEAD", "/v1/k", &[])).await.unwrap();
    assert_eq!((hit.status().as_u16(), hit.headers()["content-length"].as_bytes()), (200, b"5".as_slice()));
    assert_eq!(text(hit).await.unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn a_condition_is_answered_from_a_stored_get() {
    let (mut cache, mut calls, _) = cache(keeping());
    let headers = [
        ("etag", "\"7\""),
        ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("content-type", "text/plain"),
    ];
    store(&mut cache, &mut calls, "/v1/k", &headers).await;
    for condition in [("if-none-match", "W/\"7\""), ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")] {
        for method in ["GET", "HEAD"] {
            let hit = cache.call(request(method, "/v1/k", &[condition])).await.unwrap();
            assert_eq!(hit.status(), 304);
            assert_eq!(hit.headers()["etag"], "\"7\"");
            assert!(!hit.headers().contains_key("content-type"));
            assert!(!hit.headers().contains_key("content-length"));
            assert_eq!(cache_status(&hit), "kivi; hit; ttl=59");
            assert_eq!(text(hit).await.unwrap(), "");
        }
    }
    let changed = cache.call(request("GET", "/v1/k", &[("if-none-match", "\"6\"")])).await.unwrap();
    assert_eq!(changed.status(), 200);
    assert_eq!(text(changed).await.unwrap(), "value");
}

#[tokio::test(start_paused = true)]
async fn the_bound_on_bytes_holds_at_each_moment() {
    const MAX: i64 = 100_000;
    let policy = CachePolicy { max_bytes: MAX.cast_unsigned(), ..keeping() };
    let (mut cache, mut calls, metrics) = cache(policy);
    for number in 0..500_usize {
        let answer = cache.call(get(&format!("/v1/{number}")));
        let body = vec![b'x'; number * 37 % 5000];
        calls.next().await.answer(response(
            200,
            &[],
            Full::from(body).map_err(|never| match never {}).boxed_unsync(),
        ));
        text(answer.await.unwrap()).await.unwrap();
        settle().await;
        assert!(metrics.bytes.get() <= MAX);
    }
    assert!(metrics.bytes.get() > MAX * 9 / 10, "{}", metrics.bytes.get());
    assert!(metrics.entries.get() > 0 && metrics.evicted.get() > 100);
}

#[tokio::test(start_paused = true)]
async fn many_answers_about_one_resource_push_out_nothing_that_is_asked_for() {
    let policy = CachePolicy { max_bytes: 200_000, ..keeping() };
    let (mut cache, mut calls, metrics) = cache(policy);
    let hot: Vec<_> = (0..20).map(|number| format!("/v1/{number}")).collect();
    for path in &hot {
        store(&mut cache, &mut calls, path, &[]).await;
    }
    for query in 0..1000 {
        store(&mut cache, &mut calls, &format!("/v1/?{query}"), &[]).await;
        for path in hot.iter().filter(|_| query % 10 == 0) {
            let (status, _) = read(cache.call(get(path))).await;
            assert!(status.starts_with("kivi; hit"), "{path} after {query} others: {status}");
        }
    }
    assert!(metrics.evicted.get() > 500);
}

#[tokio::test(start_paused = true)]
async fn an_answer_larger_than_all_memory_is_shared_and_not_stored() {
    for max_bytes in [0, 100] {
        let policy = CachePolicy { max_bytes, ..keeping() };
        let (mut cache, mut calls, metrics) = cache(policy);
        store(&mut cache, &mut calls, "/v1/k", &[]).await;
        assert_eq!((metrics.entries.get(), metrics.bytes.get()), (0, 0));
        let again = cache.call(get("/v1/k"));
        calls.next().await.ok(&[], "value");
        assert_eq!(read(again).await.1, "value");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_may_ask_for_the_origin_past_a_stored_answer() {
    let (mut cache, mut calls, _) = cache(keeping());
    store(&mut cache, &mut calls, "/v1/k", &[]).await;
    let answer = tokio::spawn(cache.call(request("GET", "/v1/k", &[("cache-control", "no-store")])));
    calls.next().await.ok(&[], "newer");
    assert_eq!(read(async { answer.await.unwrap() }).await, ("kivi; fwd=request".into(), "newer".into()));
}

#[tokio::test(start_paused = true)]
async fn trailers_are_kept_and_follow_each_answer() {
    let (mut cache, mut calls, _) = cache(keeping());
    let sum: HeaderMap =
        [(HeaderName::from_static("x-sum"), HeaderValue::from_static("9"))].into_iter().collect();
    let loaded = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[("trailer", "x-sum"), ("etag", "\"7\"")]);
    pieces.send(piece("value")).await.unwrap();
    pieces.send(Ok(Frame::trailers(sum.clone()))).await.unwrap();
    drop(pieces);
    let loaded = loaded.await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(loaded.trailers(), Some(&sum));
    assert_eq!(loaded.to_bytes(), "value");
    settle().await;
    let hit = cache.call(get("/v1/k")).await.unwrap();
    assert!(cache_status(&hit).starts_with("kivi; hit"));
    // Over HTTP/1.1 a declared length leaves no place for trailers.
    assert!(!hit.headers().contains_key("content-length"));
    assert_eq!(http_body::Body::size_hint(hit.body()).exact(), None);
    let hit = hit.into_body().collect().await.unwrap();
    assert_eq!(hit.trailers(), Some(&sum));
    assert_eq!(hit.to_bytes(), "value");
    let part = cache.call(request("GET", "/v1/k", &[("range", "bytes=0-0")])).await.unwrap();
    assert_eq!(part.headers()["content-length"], "1");
    assert!(!part.headers().contains_key("trailer"), "they are those of the whole");
    assert_eq!(part.into_body().collect().await.unwrap().trailers(), None);
}

#[tokio::test(start_paused = true)]
async fn the_metrics_have_their_names() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    store(&mut cache, &mut calls, "/v1/k", &[]).await;
    let mut registry = prometheus_client::registry::Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains("kivi_cache_miss_total 1\n"), "{text}");
    assert!(text.contains("kivi_cache_entries 1\n"), "{text}");
}
