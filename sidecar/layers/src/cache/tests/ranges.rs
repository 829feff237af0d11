//! Parts of what is stored whole (RFC 9110, 14).

use tokio::time::sleep;

use super::*;

const HEADERS: &[(&str, &str)] = &[
    ("etag", "\"7\""),
    ("content-digest", "sha-256=:x:"),
    ("content-type", "text/plain"),
    ("vary", "accept"),
];

/// A cache with "0123456789" stored at `/v1/k`.
async fn stored(policy: CachePolicy) -> (Cache<Upstream>, Calls) {
    let (mut cache, mut calls, _) = cache(policy);
    let answer = cache.call(get("/v1/k"));
    calls.next().await.ok(HEADERS, "0123456789");
    text(answer.await.unwrap()).await.unwrap();
    settle().await;
    (cache, calls)
}

fn part(range: &'static str, more: &[(&'static str, &'static str)]) -> Request<Empty<Bytes>> {
    request("GET", "/v1/k", &[&[("range", range)], more].concat())
}

#[tokio::test(start_paused = true)]
async fn one_range_is_served_from_what_is_stored_whole() {
    let (mut cache, mut calls) = stored(keeping()).await;
    for (range, content_range, body) in [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-4", "bytes 6-9/10", "6789"),
    ] {
        let answer = cache.call(part(range, &[])).await.unwrap();
        assert_eq!((answer.status().as_u16(), cache_status(&answer)), (206, "kivi; hit; ttl=59"));
        let headers = answer.headers();
        assert_eq!(headers["content-range"], content_range);
        assert_eq!(headers["content-length"], body.len().to_string());
        assert_eq!(headers["etag"], "\"7\"");
        assert_eq!(headers["content-type"], "text/plain");
        assert!(headers.contains_key("age") && headers.contains_key("vary"));
        assert!(!headers.contains_key("content-digest"), "it is that of the whole");
        assert_eq!(text(answer).await.unwrap(), body);
    }
    calls.assert_none().await;
    assert_eq!(text(cache.call(get("/v1/k")).await.unwrap()).await.unwrap(), "0123456789");
}

#[tokio::test(start_paused = true)]
async fn a_range_after_the_end_is_416() {
    let (mut cache, _calls) = stored(keeping()).await;
    let answer = cache.call(part("bytes=10-", &[])).await.unwrap();
    assert_eq!((answer.status().as_u16(), cache_status(&answer)), (416, "kivi; hit; ttl=59"));
    assert_eq!(answer.headers()["content-range"], "bytes */10");
    assert_eq!(answer.headers()["content-length"], "0");
    assert!(!answer.headers().contains_key("etag"));
    assert_eq!(text(answer).await.unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn conditions_go_before_the_range() {
    let (mut cache, _calls) = stored(keeping()).await;
    for (condition, status) in [
        (("if-none-match", "\"7\""), 304),
        (("if-none-match", "\"6\""), 206),
        (("if-range", "\"7\""), 206),
        (("if-range", "\"6\""), 200),
        (("if-range", "W/\"7\""), 200),
    ] {
        let answer = cache.call(part("bytes=0-0", &[condition])).await.unwrap();
        assert_eq!(answer.status(), status, "{condition:?}");
        let whole = text(answer).await.unwrap() == "0123456789";
        assert_eq!(whole, status == 200, "{condition:?}");
    }
    let head = cache.call(request("HEAD", "/v1/k", &[("range", "bytes=0-0")])).await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &HeaderValue::from(10)));
}

#[tokio::test(start_paused = true)]
async fn what_the_store_cannot_give_passes_through_and_is_not_stored() {
    for (path, range) in [("/v1/other", "bytes=0-1"), ("/v1/k", "bytes=0-1,4-5")] {
        let (mut cache, mut calls) = stored(keeping()).await;
        let answer = tokio::spawn(cache.call(request("GET", path, &[("range", range)])));
        let call = calls.next().await;
        assert_eq!(call.request.headers()["range"], range);
        call.answer(response(206, &[("cache-control", "max-age=60"), ("content-range", "x")], whole("01")));
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(
            (answer.status().as_u16(), cache_status(&answer)),
            (206, "kivi; fwd=bypass; detail=range")
        );
        let again = tokio::spawn(cache.call(request("GET", path, &[("range", range)])));
        drop(calls.next().await);
        assert!(again.await.is_err(), "the inner service panicked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_of_what_is_stale_is_refreshed_by_a_load_of_the_whole() {
    let window = Duration::from_mins(2);
    let policy = CachePolicy { stale_while_revalidate: window, stale_if_error: window, ..keeping() };
    let (mut cache, mut calls) = stored(policy).await;
    sleep(Duration::from_mins(1)).await;
    let more = [("if-range", "\"7\"")];
    assert_eq!(text(cache.call(part("bytes=0-1", &more)).await.unwrap()).await.unwrap(), "01");
    let refresh = calls.next().await;
    assert!(["range", "if-range"].iter().all(|name| !refresh.request.headers().contains_key(*name)));
    refresh.ok(&[], "abcdef");
    settle().await;
    assert_eq!(text(cache.call(part("bytes=0-1", &[])).await.unwrap()).await.unwrap(), "ab");
}

#[tokio::test(start_paused = true)]
async fn another_status_has_no_parts() {
    let (mut cache, mut calls, _) = cache(keeping());
    let answer = cache.call(get("/v1/k"));
    calls.next().await.answer(response(404, &[], whole("nothing here")));
    text(answer.await.unwrap()).await.unwrap();
    settle().await;
    let answer = cache.call(part("bytes=0-1", &[])).await.unwrap();
    assert_eq!((answer.status().as_u16(), cache_status(&answer)), (404, "kivi; hit; ttl=59"));
}
