//! The configuration file is followed, and every counter of what follows is there to be scraped.

use http::{Response, StatusCode};

use crate::support::{Fixture, Server, TOKEN, Wire, get, send, text};

async fn status(sidecar: &Fixture) -> String {
    send(sidecar, get("/v1/k")).await.header("cache-status").unwrap().to_owned()
}

#[tokio::test]
async fn the_cache_follows_its_settings_and_a_bad_file_changes_nothing() {
    const APPLIED: &str = "kivi_config_changes_total{outcome=\"applied\"}";
    let server = Server::tcp(async |_| Response::new(text("value"))).await;
    let sidecar = Fixture::new(&server, "").await;
    assert_eq!(status(&sidecar).await, "kivi; fwd=miss");
    assert_eq!(status(&sidecar).await, "kivi; fwd=miss");

    sidecar.configure("sidecar: {cache: {ttl: 10m}}");
    sidecar.until(APPLIED, 1).await;
    while !status(&sidecar).await.starts_with("kivi; hit") {}

    sidecar.configure("sidecar: {cache: {ttl: 10m, maxBytes: 65Gi}}");
    sidecar.until("kivi_config_refused", 1).await;
    assert!(status(&sidecar).await.starts_with("kivi; hit"), "the old settings stay in force");
    assert_eq!(sidecar.metric("kivi_config_changes_total{outcome=\"refused\"}").await, 1);

    sidecar.configure("sidecar: {cache: {ttl: 0s}}");
    sidecar.until(APPLIED, 2).await;
    assert_eq!(sidecar.metric("kivi_config_refused").await, 0);
    assert_eq!(status(&sidecar).await, "kivi; fwd=miss");
    assert_eq!(sidecar.metric("kivi_cache_entries").await, 0);
}

#[tokio::test]
async fn the_throttle_and_the_bound_in_flight_follow_their_settings() {
    const APPLIED: &str = "kivi_config_changes_total{outcome=\"applied\"}";
    let server = Server::tcp(async |_| Response::new(text("value"))).await;
    let sidecar = Fixture::new(&server, "").await;
    for _ in 0..5 {
        assert_eq!(send(&sidecar, get("/k")).await.status, StatusCode::OK);
    }
    sidecar.configure("sidecar: {throttle: {rate: 1, burst: 2, by: Store}, maxInFlight: 7}");
    sidecar.until(APPLIED, 1).await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(send(&sidecar, get("/k")).await);
    }
    let refused: Vec<_> =
        answers.iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).collect();
    assert!(refused.len() >= 4, "{}", refused.len());
    assert_eq!(refused[0].header("ratelimit-policy"), Some("\"store\";q=2;w=2"));

    sidecar.configure("{}");
    sidecar.until(APPLIED, 2).await;
    for _ in 0..5 {
        assert_eq!(send(&sidecar, get("/k")).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn requests_and_connections_that_come_have_the_new_times() {
    const APPLIED: &str = "kivi_config_changes_total{outcome=\"applied\"}";
    let server = Server::tcp(async |request: http::Request<hyper::body::Incoming>| {
        if request.uri().path() == "/silent" {
            std::future::pending::<()>().await;
        }
        Response::new(text("value"))
    })
    .await;
    let sidecar = Fixture::new(&server, "sidecar: {timeouts: {request: 1h, idle: 1h}}").await;
    let authorization = format!("Host: h\r\nAuthorization: Bearer {TOKEN}\r\n");
    let plain = format!("GET /k HTTP/1.1\r\n{authorization}\r\n");
    let mut old = Wire::connect(&sidecar.clients).await;
    old.send(&plain).await;
    assert_eq!(old.answer(false).await.status, 200);

    sidecar.configure("sidecar: {timeouts: {request: 50ms, idle: 1s}}");
    sidecar.until(APPLIED, 1).await;
    // The lane, and the layers.
    for field in ["", "Cache-Control: max-age=1\r\n"] {
        let mut new = Wire::connect(&sidecar.clients).await;
        new.send(&format!("GET /silent HTTP/1.1\r\n{authorization}{field}\r\n")).await;
        assert_eq!(new.answer(false).await.status, 504, "{field}");
        assert!(new.is_over().await, "a connection without requests ends");
    }
    old.send(&plain).await;
    assert_eq!(old.answer(false).await.status, 200, "a connection keeps the time that it was made under");
}

#[tokio::test]
async fn an_absent_key_is_kept_by_its_own_setting() {
    let server = Server::tcp(async |_| {
        Response::builder().status(StatusCode::NOT_FOUND).body(text("nothing")).unwrap()
    })
    .await;
    let sidecar = Fixture::new(&server, "sidecar: {cache: {ttl: 10m}}").await;
    assert_eq!((status(&sidecar).await, status(&sidecar).await), pair("kivi; fwd=miss"));
    let sidecar = Fixture::new(&server, "sidecar: {cache: {negativeTtl: 10m}}").await;
    while !status(&sidecar).await.starts_with("kivi; hit") {}
}

fn pair(text: &str) -> (String, String) {
    (text.to_owned(), text.to_owned())
}

#[tokio::test]
async fn a_field_separates_accounts() {
    let server = Server::tcp(async |request: http::Request<hyper::body::Incoming>| {
        let account = request.headers().get("x-account").map_or("nobody", |value| value.to_str().unwrap());
        Response::new(text(account.to_owned()))
    })
    .await;
    let settings = "sidecar: {cache: {ttl: 10m, splitBy: [Header=X-Account]}}";
    let sidecar = Fixture::new(&server, settings).await;
    for _ in 0..3 {
        for account in ["a", "b"] {
            let mut request = get("/v1/k");
            request.headers_mut().insert("x-account", account.parse().unwrap());
            assert_eq!(send(&sidecar, request).await.text(), account);
        }
        assert_eq!(send(&sidecar, get("/v1/k")).await.text(), "nobody");
    }
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn the_counters_count_what_a_client_saw() {
    let server = Server::tcp(async |request: http::Request<hyper::body::Incoming>| {
        let answer = Response::builder();
        match request.uri().path() {
            "/private" => answer.header("cache-control", "private"),
            "/failing" => answer.status(500),
            _ => answer,
        }
        .body(text("value"))
        .unwrap()
    })
    .await;
    let sidecar = Fixture::new(&server, "sidecar: {cache: {ttl: 10m}}").await;
    let mut seen = [0; 2];
    for path in ["/k", "/k", "/k", "/private", "/private", "/failing", "/failing"] {
        let answer = send(&sidecar, get(path)).await;
        let status = answer.header("cache-status").unwrap();
        seen[0] += u64::from(status.starts_with("kivi; hit"));
        seen[1] += u64::from(status.contains("hit-for-miss"));
    }
    assert!(seen[0] >= 2 && seen[1] == 1, "{seen:?}");
    assert_eq!(sidecar.metric("kivi_cache_hit_total").await, seen[0]);
    assert_eq!(sidecar.metric("kivi_cache_hit_for_miss_total").await, seen[1]);
    let loads = server.seen().len() as u64 - seen[1];
    assert_eq!(sidecar.metric("kivi_cache_miss_total").await, loads);
    assert_eq!(sidecar.metric("kivi_cache_entries").await, 2);
    assert!(sidecar.metric("kivi_cache_bytes").await > 0);
}

#[tokio::test]
async fn every_counter_is_described_and_there_from_the_start() {
    let server = Server::tcp(async |_| Response::new(text("value"))).await;
    let scrape = Fixture::new(&server, "").await.scrape().await;
    for (name, kind, sample) in [
        ("kivi_cache_hit", "counter", "kivi_cache_hit_total 0"),
        ("kivi_cache_stale", "counter", "kivi_cache_stale_total 0"),
        ("kivi_cache_miss", "counter", "kivi_cache_miss_total 0"),
        ("kivi_cache_coalesced", "counter", "kivi_cache_coalesced_total 0"),
        ("kivi_cache_hit_for_miss", "counter", "kivi_cache_hit_for_miss_total 0"),
        ("kivi_cache_fill_failed", "counter", "kivi_cache_fill_failed_total 0"),
        ("kivi_cache_evicted", "counter", "kivi_cache_evicted_total 0"),
        ("kivi_cache_purged", "counter", "kivi_cache_purged_total 0"),
        ("kivi_cache_bytes", "gauge", "kivi_cache_bytes 0"),
        ("kivi_cache_entries", "gauge", "kivi_cache_entries 0"),
        ("kivi_cache_waiters", "gauge", "kivi_cache_waiters 0"),
        ("kivi_feed_wanted", "gauge", "kivi_feed_wanted 0"),
        ("kivi_feed_current", "gauge", "kivi_feed_current 0"),
        ("kivi_feed_events", "counter", "kivi_feed_events_total 0"),
        ("kivi_feed_connections", "counter", "kivi_feed_connections_total 0"),
        ("kivi_feed_lag_seconds", "histogram", "kivi_feed_lag_seconds_count 0"),
        ("kivi_config_changes", "counter", "kivi_config_changes_total{outcome=\"applied\"} 0"),
        ("kivi_config_refused", "gauge", "kivi_config_refused 0"),
    ] {
        assert!(scrape.contains(&format!("# TYPE {name} {kind}\n")), "{name}: {scrape}");
        let help = scrape.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} ")));
        assert!(help.is_some_and(|help| help.len() > 10), "{name} has no help");
        assert!(scrape.lines().any(|line| line == sample), "no {sample}");
    }
}
