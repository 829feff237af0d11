//! Requests and answers of every kind, the same both ways.

use std::time::{Duration, Instant};

use super::{Side, Way, comparable, script};
use crate::support::{Fixture, Scripted};

/// A sidecar whose requests are plain, and one where they are not.
struct Twins {
    plain: Side,
    other: Side,
}

impl Twins {
    async fn new(settings: &str, way: Way) -> Self {
        let server = || Scripted::tcp(script::answer);
        Self {
            plain: Side::new(server().await, settings, Way::Lane).await,
            other: Side::new(server().await, settings, way).await,
        }
    }

    /// Asks both, and returns the status on which they agree, or what they differ in.
    async fn ask(&self, request: &str) -> Result<u16, String> {
        let plain = comparable(&self.plain.ask(request).await, &self.plain);
        let other = comparable(&self.other.ask(request).await, &self.other);
        // An answer that breaks off may do so before a client has its head.
        let is_broken = |got: &(u16, Vec<String>, String, bool)| got.0 == 502 || !got.3;
        if plain == other || is_broken(&plain) && is_broken(&other) && plain.0 != other.0 {
            return Ok(plain.0);
        }
        Err(format!("{request:?} ({:?}):\n  {plain:?}\n  {other:?}", self.other.way))
    }

    /// The requests that reached the servers since the last time, where they are the same.
    fn asked(&self) -> Result<usize, String> {
        let (plain, mut other) = (self.plain.asked(), self.other.asked());
        // hyper goes on in a server's older version, which the lane leaves to it.
        for (line, fields) in &mut other {
            if line.ends_with("HTTP/1.0") {
                *line = line.replace("HTTP/1.0", "HTTP/1.1");
                fields.retain(|field| field != "connection: keep-alive");
            }
        }
        if plain == other {
            return Ok(plain.len());
        }
        let differ = plain.iter().zip(&other).find(|(plain, other)| plain != other);
        Err(format!("{} and {} loads ({:?}): {differ:?}", plain.len(), other.len(), self.other.way))
    }
}

/// Asks each twin the same, and gathers in what they differ, of what both said and of what both were asked.
async fn differences(settings: &str, requests: &[&str]) -> (Vec<u16>, usize, String) {
    let (mut statuses, mut direct, mut differences) = (Vec::new(), 0, Vec::new());
    for way in [Way::Layers, Way::Hyper] {
        let twins = Twins::new(settings, way).await;
        statuses.clear();
        for request in requests {
            match twins.ask(request).await {
                Ok(status) => statuses.push(status),
                Err(difference) => differences.push(difference),
            }
        }
        differences.extend(twins.asked().err());
        assert_eq!(twins.other.direct(), 0, "past the lane");
        direct = twins.plain.direct();
    }
    (statuses, direct, differences.join("\n"))
}

#[tokio::test]
async fn answers_of_every_kind_are_passed_on_the_same() {
    let mut all = Vec::new();
    for path in script::paths().filter(|path| *path != "/swr") {
        let get = format!("GET {path}");
        let (_, direct, differences) = differences("", &[&*get; 3]).await;
        assert!(direct > 0, "{path}");
        if !differences.is_empty() {
            all.push(differences);
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[tokio::test]
async fn requests_of_every_kind_are_passed_on_the_same() {
    let (long, mut wrong) = (format!("GET /plain?{}", "x".repeat(3000)), Vec::new());
    for (request, status, direct) in [
        ("GET /plain", 200, true),
        ("GET /", 200, true),
        ("GET /plain?", 200, true),
        ("GET /plain?a=b&&c=%20?/", 200, true),
        ("GET //plain/../%2F%00a//b%", 200, true),
        ("GET /plain/{}\"", 200, true),
        ("GET /plain/^`", 400, false),
        (&long, 200, true),
        ("GET http://kivi.test/plain", 200, false),
        ("GET http://u:p@other.test:8080/plain?a", 200, false),
        ("GET *", 200, false),
        ("GET plain", 200, false),
        ("GET /plain#fragment", 200, false),
        ("GET /plain\nHost: KIVI.Test:80", 200, true),
        ("GET /plain\nHost: 10.0.0.1:8080", 200, true),
        ("GET /plain\nHost: a.:99999", 200, true),
        ("GET /plain\nHost: [::1]:80", 200, false),
        ("GET /plain\nHost: u@a", 200, false),
        ("GET /plain\nHost: a_b", 200, false),
        ("GET /plain\nHost: ", 200, false),
        ("GET /plain\nHost: a b", 400, false),
        ("GET /plain\nHost: a\nHost: a", 400, false),
        ("GET /plain\nCookie: a=1", 200, true),
        ("GET /plain\nCookie: a=1\nCookie: b=2", 200, false),
        ("GET /plain\nAccept: text/html, */*", 200, true),
        ("GET /plain\nAccept: text/event-stream", 200, false),
        ("GET /plain\nAccept-Encoding: gzip\nAccept-Encoding: br", 200, true),
        (
            "GET /plain\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\ntracestate: a=b",
            200,
            true,
        ),
        ("GET /plain\nX-Forwarded-For: 10.0.0.1", 200, false),
        ("GET /plain\nX-Forwarded-Proto: https", 200, false),
        ("GET /plain\nX-Forwarded-Host: edge", 200, false),
        ("GET /plain\nForwarded: for=10.0.0.1", 200, false),
        ("GET /plain\nVia: 1.0 edge", 200, false),
        ("GET /plain\nX-Real-IP: 10.0.0.1", 200, true),
        ("GET /plain\nIf-None-Match: \"1\"", 200, false),
        ("GET /plain\nIf-Modified-Since: Thu, 26 Nov 2026 07:00:00 GMT", 200, false),
        ("GET /plain\nRange: bytes=1-2", 200, false),
        ("GET /plain\nCache-Control: no-cache", 200, false),
        ("GET /plain\nCache-Control: only-if-cached", 504, false),
        ("GET /plain\nPragma: no-cache", 200, false),
        ("GET /plain\nMax-Forwards: 0", 200, false),
        ("GET /plain\nProxy-Authorization: Basic eA==", 200, false),
        ("GET /plain\nProxy-Connection: keep-alive", 200, false),
        ("GET /plain\nUpgrade: websocket", 200, false),
        ("GET /plain\nTE: trailers", 200, false),
        ("GET /plain\nX-Odd: \u{e9}\nX-Empty:\nX-Spaced:   a  b  ", 200, true),
        ("GET /plain\nUser-Agent: a\nuser-agent: b", 200, true),
        ("GET /plain\nPriority: u=1\nSec-Fetch-Mode: cors\nOrigin: http://a\nReferer: http://a/b", 200, true),
        ("GET /plain\nContent-Type: text/plain", 200, false),
        ("GET /plain\nContent-Length: 0", 200, false),
        ("GET /plain\n\nbody", 200, false),
        ("HEAD /plain", 200, false),
        ("PUT /plain\n\nvalue", 200, false),
        ("POST /plain\n\nvalue", 200, false),
        ("PATCH /plain\n\nvalue", 200, false),
        ("DELETE /plain", 200, false),
        ("OPTIONS /plain", 200, false),
        ("BREW /plain", 200, false),
        ("get /plain", 200, false),
        ("CONNECT kivi.test:80", 405, false),
    ] {
        for settings in ["", "auth: {anonymous: ReadWrite}"] {
            let (statuses, reached, differences) = differences(settings, &[request]).await;
            let seen = (differences, statuses, reached > 0);
            if seen != (String::new(), vec![status], direct) {
                wrong.push(format!("{request:?}: {seen:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn who_may_ask_is_the_same() {
    for (anonymous, expected) in [
        ("None", [200, 200, 401, 401, 401, 401, 401, 200]),
        ("Read", [200, 200, 401, 200, 401, 401, 401, 200]),
        ("ReadWrite", [200; 8]),
    ] {
        let requests = [
            "GET /plain",
            "GET /plain\nauthorization: bearer second-token",
            "GET /plain\nAuthorization: Bearer nobody's",
            "GET /plain\nAuthorization:",
            "GET /plain\nAuthorization: Basic eA==",
            "GET /plain\nAuthorization: Bearer first-token\nAuthorization: Bearer first-token",
            "GET /plain\nAuthorization: Bearer",
            "GET /fresh",
        ];
        let settings = format!("auth: {{anonymous: {anonymous}}}");
        let (statuses, _, differences) = differences(&settings, &requests).await;
        assert_eq!(differences, "");
        assert_eq!(statuses, expected, "{anonymous}");
    }
}

#[tokio::test]
async fn a_request_takes_one_token_whatever_is_found_for_it() {
    let settings = "sidecar: {throttle: {rate: 1, burst: 4}}";
    for path in ["/plain", "/fresh", "/private", "/nothing", "/trailers-fresh", "/vary-star", "/503"] {
        for way in [Way::Lane, Way::Layers] {
            let side = Side::new(Scripted::tcp(script::answer).await, settings, way).await;
            let (began, mut passed) = (Instant::now(), 0);
            for _ in 0..7 {
                passed += u64::from(side.ask(&format!("GET {path}")).await.status != 429);
            }
            let come_since = began.elapsed().as_secs();
            assert!((4..=4 + come_since).contains(&passed), "{passed} of {path} ({way:?})");
        }
    }
}

#[tokio::test]
async fn what_is_kept_is_found_the_same() {
    for settings in [
        "",
        "sidecar: {cache: {ttl: 60s, staleWhileRevalidate: 60s, staleIfError: 60s}}",
        "sidecar: {cache: {ttl: 60s, negativeTtl: 10s, splitBy: [Header=X-A, Token]}}",
        "sidecar: {cache: {ttl: 60s, maxBytes: 0, splitBy: [Client]}}",
    ] {
        let requests = [
            "GET /vary\nX-A: 1",
            "GET /vary\nX-A: 2",
            "GET /vary\nX-A: 1",
            "GET /vary",
            "GET /vary",
            "GET /fresh",
            "GET /fresh?a",
            "GET /fresh\nHost: other.test",
            "GET /fresh\nHost: OTHER.test",
            "GET /fresh\nAuthorization: Bearer second-token",
            "HEAD /fresh",
            "GET /fresh\nIf-None-Match: \"1\"",
            "GET /fresh\nRange: bytes=1-2",
            "GET /fresh\nCache-Control: no-cache",
            "GET /fresh",
            "PUT /fresh",
            "GET /fresh",
            "GET /fresh?a",
            "POST /other",
            "GET /fresh",
            "DELETE /fresh",
            "GET /fresh",
            "GET /plain",
            "GET /plain",
            "GET /no-cache",
            "GET /no-cache",
            "GET /cookie",
            "GET /cookie",
            "GET /401",
            "GET /404",
            "GET /404",
        ];
        let (statuses, direct, differences) = differences(settings, &requests).await;
        assert_eq!(differences, "", "{settings}");
        assert!(direct > 5 && statuses.len() == requests.len(), "{direct}");
    }
}

#[tokio::test]
async fn what_is_stale_is_served_and_refreshed_the_same() {
    let twins = Twins::new("", Way::Layers).await;
    for loads in 1..=4 {
        assert_eq!(twins.ask("GET /swr").await, Ok(200));
        // Each answer but the first begins a load, for which nobody waits.
        while twins.plain.server.asked().len() < loads || twins.other.server.asked().len() < loads {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(twins.asked(), Ok(loads));
        // The load has its end when it is stored.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nothing_is_the_lanes_where_spans_are_taken() {
    let server = Scripted::tcp(script::answer).await;
    let side = Side { sidecar: Fixture::traced(&server.url).await, server, way: Way::Lane };
    for path in ["/plain", "/fresh", "/fresh"] {
        assert_eq!(side.ask(&format!("GET {path}")).await.text(), "value");
    }
    assert_eq!((side.server.asked().len(), side.direct()), (2, 0));
}
