//! What the API is spoken over: TCP, a Unix socket, TLS; HTTP/1.1 and HTTP/2.

use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use kivi_api::{Client, Precondition};
use rcgen::generate_simple_self_signed;

use crate::raw::Raw;
use crate::running::{Running, problem};

fn write_certificate(dir: &Path) -> String {
    let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("tls.crt"), pair.cert.pem()).unwrap();
    std::fs::write(dir.join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
    pair.cert.pem()
}

#[tokio::test]
async fn with_a_certificate_both_versions_are_negotiated() {
    let tls = tempfile::tempdir().unwrap();
    let certificate = write_certificate(tls.path());
    let server = Running::start_with(&["--tls-dir", tls.path().to_str().unwrap()]).await;
    let builder = Client::builder("https://localhost").ca_pem(certificate).connect_to(server.socket_addr());
    for (client, version) in [
        (builder.clone().build().unwrap(), Version::HTTP_2),
        (builder.http1_only().build().unwrap(), Version::HTTP_11),
    ] {
        client.put(b"k", "value", None, Precondition::None).await.unwrap();
        assert_eq!(client.get(b"k").await.unwrap().unwrap().bytes, "value");
        let head = client.request(Method::HEAD, "/v1/k", HeaderMap::new(), Bytes::new()).await.unwrap();
        assert_eq!(head.version(), version);
        assert_eq!(head.headers()["content-length"], "5");
        assert!(head.body().is_empty());
        let absent =
            client.request(Method::HEAD, "/v1/absent", HeaderMap::new(), Bytes::new()).await.unwrap();
        assert_eq!((absent.status().as_u16(), absent.body().len()), (404, 0));
        let large = client.put(b"k", vec![0; 1 << 20], None, Precondition::None).await.unwrap_err();
        assert_eq!(large.status().unwrap(), 413, "{version:?}: {large}");
    }
    let foreign = Client::builder("https://elsewhere").ca_pem(write_certificate(tls.path()));
    let refused = foreign.connect_to(server.socket_addr()).build().unwrap().get(b"k").await.unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
    let mut plain = server.raw().await;
    plain.send("GET /v1/k HTTP/1.1\r\nHost: kivi\r\n\r\n").await;
    assert!(!plain.answer_is_http().await, "nothing is served in the clear");
}

#[tokio::test]
async fn a_unix_socket_serves_and_is_for_owner_and_group() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.sock");
    let listen = format!("unix:{}", path.display());
    let server = Running::start_with(&["--listen", &listen]).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let mut raw = Raw::unix(&path).await;
    raw.send("PUT /v1/k HTTP/1.1\r\nHost: kivi\r\nContent-Length: 5\r\n\r\nvalue").await;
    assert_eq!(raw.answer().await.status(), 201);
    assert_eq!(raw.ask("GET /v1/k").await.body(), "value");

    // What a killed server leaves is no obstacle to the next.
    let data = server.stop().await;
    let _ = std::fs::remove_file(&path);
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = Running::start_in(data, "", &["--listen", &listen]).await;
    assert_eq!(Raw::unix(&path).await.ask("GET /v1/k").await.body(), "value");
    server.stop().await;
}

#[tokio::test]
async fn requests_of_one_connection_are_answered_in_order() {
    let server = Running::start().await;
    let mut raw = server.raw().await;
    raw.send("PUT /v1/k HTTP/1.1\r\nHost: kivi\r\nContent-Length: 3\r\n\r\noneGET /v1/k HTTP/1.1\r\nHost: kivi\r\n\r\n").await;
    assert_eq!(raw.answer().await.status(), 201);
    assert_eq!(raw.answer().await.body(), "one");
}

#[tokio::test]
async fn a_request_without_exactly_one_host_is_400() {
    let server = Running::start().await;
    let mut raw = server.raw().await;
    for fields in ["", "Host: a\r\nHost: b\r\n"] {
        for line in ["GET /v1/k", "PUT /v1/k", "DELETE /v1/k"] {
            raw.send(format!("{line} HTTP/1.1\r\n{fields}\r\n")).await;
            let answer = raw.answer().await;
            assert_eq!(answer.status(), 400, "{line} {fields:?}");
            assert!(problem(&answer).detail.contains("Host"));
        }
    }
    assert_eq!(raw.ask("GET /v1/k").await.status(), 404, "nothing was written");
    raw.send("GET /v1/k HTTP/1.0\r\n\r\n").await;
    assert_eq!(raw.answer().await.status(), 404, "HTTP/1.0 knew no Host");
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_told_so_and_takes_nothing_from_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start_in(dir, "limits: {connections: 1}", &[]).await;
    let mut first = server.raw().await;
    assert_eq!(first.ask("GET /v1/k").await.status(), 404);
    let mut second = server.raw().await;
    let refused = second.ask("GET /v1/k").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(refused.headers()["connection"], "close");
    let problem = crate::running::problem(&refused);
    let limit = problem.limit.unwrap();
    assert_eq!((limit.name.as_ref(), limit.value), ("limits.connections", 1));
    assert_eq!(first.ask("GET /v1/k").await.status(), 404, "who is in stays in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_hears_each_time_that_there_is_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start_in(dir, "limits: {connections: 1}", &[]).await;
    let mut first = server.raw().await;
    assert_eq!(first.ask("GET /v1/k").await.status(), 404);
    let client = server.client();
    // A client takes an answer that comes before its request for a fault; it came so about once in four times.
    for number in 0_u32..500 {
        let refused = client.get(&number.to_le_bytes()).await.unwrap_err();
        let limit = refused.problem().and_then(|problem| problem.limit.clone());
        assert_eq!(limit.unwrap_or_else(|| panic!("{number}: {refused}")).name, "limits.connections");
    }
    drop(first);
    while client.get(b"k").await.is_err() {
        tokio::task::yield_now().await;
    }
    let metrics = server.health("/metrics").await;
    let value = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit_once(' ').unwrap().1.parse::<u32>().unwrap()
    };
    assert_eq!(value("kivi_connections_open "), 1, "the client's");
    assert!(value("kivi_connections_refused_total ") >= 500);
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_431() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start_in(dir, "limits: {requestHeadBytes: 8Ki}", &[]).await;
    let field = |length| format!("GET /v1/k HTTP/1.1\r\nHost: kivi\r\nX: {}\r\n\r\n", "x".repeat(length));
    let mut fits = server.raw().await;
    fits.send(field(7000)).await;
    assert_eq!(fits.answer().await.status(), 404);
    let mut larger = server.raw().await;
    larger.send(field(9000)).await;
    assert_eq!(larger.answer().await.status(), 431);

    // On a socket there is a proxy in front, which has added its own.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.sock");
    let listen = format!("unix:{}", path.display());
    let _server = Running::start_in(dir, "limits: {requestHeadBytes: 8Ki}", &["--listen", &listen]).await;
    for (length, status) in [(11_000, 404), (25_000, 431)] {
        let mut raw = Raw::unix(&path).await;
        raw.send(field(length)).await;
        assert_eq!(raw.answer().await.status(), status, "{length}");
    }
}

#[tokio::test]
async fn a_watch_beyond_the_limit_is_503_with_the_limit_until_one_ends() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start_in(dir, "limits: {watchers: 1}", &[]).await;
    let mut first = server.raw().await;
    first.send("GET /v1/?watch=true HTTP/1.1\r\nHost: kivi\r\n\r\n").await;
    assert!(first.answer_head().await.contains("200 OK"));
    let refused = server.ask("GET", "/v1/?watch=true", &[], "").await;
    assert_eq!(crate::running::problem(&refused).limit.unwrap().name, "limits.watchers");
}

#[tokio::test]
async fn only_behind_a_socket_a_watch_is_the_sidecars_own_and_takes_none_of_the_limit() {
    const WATCH: &str = "GET /v1/?watch=true HTTP/1.1\r\nHost: kivi\r\nKivi-Change-Feed: true\r\n\r\n";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.sock");
    let listen = format!("unix:{}", path.display());
    let _server = Running::start_in(dir, "limits: {watchers: 0}", &["--listen", &listen]).await;
    let mut own = Raw::unix(&path).await;
    own.send(WATCH).await;
    assert!(own.answer_head().await.contains("200 OK"));

    let dir = tempfile::tempdir().unwrap();
    let server = Running::start_in(dir, "limits: {watchers: 0}", &[]).await;
    let mut anyone = server.raw().await;
    anyone.send(WATCH).await;
    assert_eq!(anyone.answer().await.status(), 503);
}
