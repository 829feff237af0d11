//! The real server's changes reach the cache of the real sidecar.

use std::time::{Duration, Instant};

use http::{StatusCode, header};

use crate::support::{Answer, Fixture, KEEPS, Store, before, connect, get, put, send, stalenesses};

/// What a loaded machine may take for what takes a millisecond.
const BOUND: Duration = Duration::from_secs(5);

/// An answer that was kept.
async fn kept(sidecar: &Fixture, path: &str) -> Answer {
    loop {
        let answer = send(sidecar, get(path)).await;
        if is_kept(&answer) {
            return answer;
        }
    }
}

fn is_kept(answer: &Answer) -> bool {
    answer.header("cache-status").unwrap().starts_with("kivi; hit")
}

/// Asks until the answer is one that is wanted, and fails beyond the bound.
async fn soon(sidecar: &Fixture, path: &str, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
    let began = Instant::now();
    loop {
        let answer = send(sidecar, get(path)).await;
        if is_wanted(&answer) {
            return answer;
        }
        assert!(began.elapsed() < BOUND, "{path} still has {answer:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_written_to_all_the_time_is_followed() {
    let store = Store::start("{}").await;
    let mut sender = store.connect().await;
    let writes = async {
        loop {
            put(&mut sender, "/v1/busy", "x").await;
        }
    };
    let followed = async {
        let sidecar = before(&store, KEEPS).await;
        store.put("/v1/other", "same").await;
        kept(&sidecar, "/v1/other").await
    };
    let answer = tokio::select! {
        answer = tokio::time::timeout(BOUND * 2, followed) => answer,
        () = writes => unreachable!(),
    };
    assert_eq!(answer.expect("it is not followed").text(), "same");
}

#[tokio::test]
async fn a_write_a_deletion_and_a_new_key_beside_the_sidecar_are_seen() {
    let store = Store::start("{}").await;
    let sidecar = before(&store, KEEPS).await;
    store.put("/v1/a%2Fb", "old").await;
    store.put("/v1/other", "same").await;
    soon(&sidecar, "/v1/a/b", |answer| answer.text() == "old").await;
    soon(&sidecar, "/v1/absent", |answer| answer.status == StatusCode::NOT_FOUND).await;
    for path in ["/v1/a/b", "/v1/absent", "/v1/other", "/v1/?keysOnly=true"] {
        kept(&sidecar, path).await;
    }
    store.put("/v1/a%2Fb", "new").await;
    soon(&sidecar, "/v1/a/b", |answer| answer.text() == "new").await;
    store.put("/v1/absent", "there").await;
    soon(&sidecar, "/v1/absent", |answer| answer.status == StatusCode::OK).await;
    soon(&sidecar, "/v1/?keysOnly=true", |answer| answer.text().contains("absent")).await;
    assert_eq!(store.ask("DELETE", "/v1/a%2Fb", "", &[]).await.status(), StatusCode::OK);
    soon(&sidecar, "/v1/a/b", |answer| answer.status == StatusCode::NOT_FOUND).await;
    assert!(is_kept(&send(&sidecar, get("/v1/other")).await), "what did not change is kept");
    assert_eq!(sidecar.metric("kivi_feed_events_total").await, 5);
    assert_eq!(sidecar.metric("kivi_feed_lag_seconds_count").await, 5);
    assert_eq!(sidecar.metric("kivi_feed_connections_total").await, 1);
}

#[tokio::test]
async fn a_key_whose_time_is_up_is_gone_here_too() {
    let store = Store::start("{}").await;
    let sidecar = before(&store, KEEPS).await;
    let answer = store.ask("PUT", "/v1/k", "brief", &[("kivi-ttl", "500ms")]).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    // Perhaps it is gone before it is kept: then there is nothing to see, and nothing wrong.
    while send(&sidecar, get("/v1/k")).await.status == StatusCode::OK {}
    soon(&sidecar, "/v1/k", |answer| answer.status == StatusCode::NOT_FOUND).await;
}

#[tokio::test]
async fn the_feed_is_followed_only_while_something_may_be_kept() {
    let store = Store::start("{}").await;
    let sidecar = Fixture::with_flags(&store.url, "", &["--upstream-ready", ""]).await;
    assert_eq!(send(&sidecar, get("/v1/k")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(sidecar.metric("kivi_feed_wanted").await, 0);
    assert_eq!(sidecar.metric("kivi_feed_connections_total").await, 0);
    sidecar.configure(KEEPS);
    sidecar.until("kivi_feed_current", 1).await;
    store.put("/v1/k", "value").await;
    assert_eq!(kept(&sidecar, "/v1/k").await.text(), "value");
    sidecar.configure("sidecar: {cache: {ttl: 10m, maxBytes: 0}}");
    sidecar.until("kivi_feed_wanted", 0).await;
    assert_eq!(sidecar.metric("kivi_feed_current").await, 0);
    assert_eq!(sidecar.metric("kivi_cache_entries").await, 0);
}

#[tokio::test]
async fn the_feed_is_no_clients_watch_and_no_client_can_pass_for_it() {
    let store = Store::start("{watchers: 0}").await;
    let sidecar = before(&store, KEEPS).await;
    let mut watch = get("/v1/?watch=true");
    watch.headers_mut().insert("kivi-change-feed", header::HeaderValue::from_static("true"));
    // A watch that is let in has no end to wait for.
    let answer = connect(&sidecar.clients).await.send_request(watch).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
}

#[tokio::test]
async fn the_only_connection_is_for_requests() {
    let store = Store::start("{connections: 1}").await;
    let settings = "{limits: {connections: 1}, sidecar: {cache: {ttl: 10m}}}";
    let sidecar = Fixture::with_flags(&store.url, settings, &["--upstream-ready", ""]).await;
    assert_eq!(send(&sidecar, get("/v1/k")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(sidecar.metric("kivi_feed_wanted").await, 0);
}

#[tokio::test]
async fn what_is_kept_outlives_no_write_beside_the_sidecar_for_long() {
    let found = stalenesses(50, 0, BOUND).await;
    assert!(found.last().unwrap() < &BOUND, "{found:?}");
}
