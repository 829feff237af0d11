//! Too much: of requests a second, of requests at once, of connections, of a head.

use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kivi_process::serve::{NoLane, ServeOptions, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use crate::support::{Answer, Fixture, Server, connect, echo, get, send, text};

#[tokio::test]
async fn beyond_the_rate_the_answer_says_when_to_come_again() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "sidecar: {throttle: {rate: 1, burst: 2}}").await;
    for _ in 0..2 {
        assert_eq!(send(&sidecar, get("/k")).await.status, StatusCode::OK);
    }
    let answer = send(&sidecar, get("/k")).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.problem(), "too-many-requests");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("ratelimit-policy"), Some("\"client\";q=2;w=2"));
    assert_eq!(answer.header("ratelimit"), Some("\"client\";r=0;t=1"));
    assert_eq!(answer.json()["limit"], serde_json::json!({"name": "sidecar.throttle.rate", "value": 1}));
    assert_eq!(server.seen().len(), 2, "a refused request never reaches the server");

    let mut other = get("/k");
    other.headers_mut().insert("authorization", "Bearer second-token".parse().unwrap());
    assert_eq!(send(&sidecar, other).await.status, StatusCode::OK, "another token, another bucket");
}

#[tokio::test]
async fn a_request_counts_once_however_it_is_answered() {
    let large = "x".repeat(100 << 10);
    let server = Server::tcp(move |request| {
        let (cache_control, body) = match request.uri().path() {
            "/large" => ("max-age=60", large.clone()),
            _ => ("no-store", "own".to_owned()),
        };
        let mut answer = Response::new(text(body));
        answer.headers_mut().insert("cache-control", cache_control.parse().unwrap());
        std::future::ready(answer)
    })
    .await;
    for path in ["/large", "/unshared"] {
        let sidecar = Fixture::new(&server, "sidecar: {throttle: {rate: 1, burst: 5}}").await;
        for number in 1..=5 {
            assert_eq!(send(&sidecar, get(path)).await.status, StatusCode::OK, "{path}, {number}");
        }
    }
}

#[tokio::test]
async fn one_too_many_at_once_is_refused_and_the_first_is_not_harmed() {
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (Arc::clone(&entered), Arc::clone(&leave));
    let server = Server::tcp(move |_| {
        let (entered, leave) = gates.clone();
        async move {
            entered.add_permits(1);
            leave.acquire().await.unwrap().forget();
            Response::new(text("slow"))
        }
    })
    .await;
    let sidecar = Arc::new(Fixture::new(&server, "sidecar: {maxInFlight: 1}").await);
    let first = tokio::spawn({
        let sidecar = Arc::clone(&sidecar);
        async move { send(&sidecar, get("/slow")).await }
    });
    entered.acquire().await.unwrap().forget();
    let answer = send(&sidecar, get("/other")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "overloaded"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    leave.add_permits(2);
    assert_eq!(first.await.unwrap().text(), "slow");
    assert_eq!(send(&sidecar, get("/other")).await.status, StatusCode::OK, "the place is free again");
}

/// A server for one connection, which is taken for as long as the returned stream is kept.
async fn full_server(socket: &Path) -> UnixStream {
    let listener = kivi_process::listen::Address::Unix(socket.to_owned()).bind().await.unwrap();
    let options = ServeOptions {
        max_connections: 1,
        over_limit: Some(kivi_api::too_many_connections(1)),
        ..ServeOptions::default()
    };
    let service = tower::service_fn(async |_| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
    tokio::spawn(serve(listener, NoLane, service, options, CancellationToken::new(), Duration::ZERO));
    let mut only = UnixStream::connect(socket).await.unwrap();
    only.write_all(b"GET / HTTP/1.1\r\nHost: kivi\r\n\r\n").await.unwrap();
    assert!(only.read(&mut [0; 1024]).await.unwrap() > 0);
    only
}

#[track_caller]
fn assert_no_room(answer: &Answer) {
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "overloaded"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["limit"], serde_json::json!({"name": "limits.connections", "value": 1}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_server_says_reaches_the_client_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("server.sock");
    let _only = full_server(&socket).await;
    let url = format!("unix:{}", socket.display());
    let sidecar = Fixture::with_flags(&url, "", &["--upstream-ready", ""]).await;
    // An answer that raced with its request was lost about once in four times.
    for number in 0..500 {
        assert_no_room(&send(&sidecar, get(&format!("/v1/{number}"))).await);
    }
}

#[tokio::test]
async fn one_connection_too_many_is_told_by_the_sidecar_and_counted() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "limits: {connections: 1}").await;
    let mut first = connect(&sidecar.clients).await;
    assert_eq!(first.send_request(get("/v1/k")).await.unwrap().status(), StatusCode::OK);
    assert_no_room(&send(&sidecar, get("/v1/k")).await);
    assert_eq!(server.seen().len(), 1, "a refused connection never reaches the server");
    let metrics = crate::support::send_to(&sidecar.health, get("/metrics")).await.unwrap();
    for line in ["kivi_connections_open 1", "kivi_connections_refused_total 1"] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}: {}", metrics.text());
    }
}

#[tokio::test]
async fn the_bound_of_a_head_is_the_stores_own() {
    let server = Server::tcp(echo).await;
    for (settings, length, status) in [
        ("limits: {requestHeadBytes: 1Mi}", 300_000, StatusCode::OK),
        ("", 60_000, StatusCode::OK),
        ("", 70_000, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        ("limits: {requestHeadBytes: 8Ki}", 7_000, StatusCode::OK),
        ("limits: {requestHeadBytes: 8Ki}", 9_000, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
    ] {
        let sidecar = Fixture::new(&server, settings).await;
        let before = server.seen().len();
        let mut request = get("/v1/k");
        request.headers_mut().insert("x", "x".repeat(length).parse().unwrap());
        assert_eq!(send(&sidecar, request).await.status, status, "{settings} {length}");
        let passed = server.seen().len() - before;
        assert_eq!(passed, usize::from(status == StatusCode::OK), "{settings} {length}");
    }
}

#[tokio::test]
async fn what_else_is_too_much_of_a_head_is_refused_too() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "limits: {requestHeadBytes: 1Mi}").await;
    let mut many = get("/v1/k");
    for number in 0..100 {
        many.headers_mut().append("x", number.into());
    }
    assert_eq!(send(&sidecar, many).await.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    // No URI of this length can be made to send it.
    let long = format!("GET /v1/{} HTTP/1.1\r\nHost: kivi\r\n\r\n", "k".repeat(64 << 10));
    let answer = crate::support::raw(&sidecar.clients, &long).await;
    assert!(answer.starts_with("HTTP/1.1 414 "), "{answer}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn over_http2_a_head_beyond_the_bound_is_431_or_the_end_of_the_connection() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "limits: {requestHeadBytes: 8Ki}").await;
    for (length, status) in [
        (7_000, Some(StatusCode::OK)),
        (9_000, Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)),
        (400_000, None),
    ] {
        let stream = TcpStream::connect(&sidecar.clients).await.unwrap();
        let (mut client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = get("http://kivi.test/v1/k");
        request.headers_mut().insert("x", "x".repeat(length).parse().unwrap());
        let answer = client.send_request(request).await;
        assert_eq!(answer.as_ref().ok().map(Response::status), status, "{length}: {answer:?}");
        if status.is_none() {
            assert!(connection.await.unwrap().is_err(), "the connection goes on");
        }
    }
}
