//! When the server is slow, gone, or odd.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Fixture, Server, echo, get, send, send_to};

const CONNECT_ONLY: [&str; 2] = ["--upstream-ready", ""];

#[tokio::test]
async fn a_slow_server_is_given_up_at_the_deadline() {
    let server = Server::tcp(|_| std::future::pending()).await;
    let sidecar = Fixture::new(&server, "sidecar: {timeouts: {request: 50ms}}").await;
    let answer = send(&sidecar, get("/k")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::GATEWAY_TIMEOUT, "upstream-timeout"));
    assert_eq!(answer.header("cache-status"), Some("kivi; fwd=miss; detail=timeout"));
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("server.sock");
    let settings = "sidecar: {cache: {errorTtl: 0s}}";
    let sidecar = Fixture::with_flags(&url(&socket), settings, &CONNECT_ONLY).await;
    let answer = send(&sidecar, get("/k")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "not-ready"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("cache-status"), Some("kivi; fwd=miss; detail=connection_refused"));
    let _server = Server::unix(&socket, echo);
    assert_eq!(send(&sidecar, get("/k")).await.status, StatusCode::OK, "it heals by itself");
}

fn url(socket: &Path) -> String {
    format!("unix:{}", socket.display())
}

/// A server that answers by the number of the connection and of the request on it: with bytes, after which
/// it may close, or by closing. Also counts the requests.
async fn scripted(script: fn(usize, usize) -> Option<&'static str>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let requests = Arc::clone(&counter);
            tokio::spawn(async move {
                for exchange in 0.. {
                    let mut head = [0; 4096];
                    if stream.read(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                    requests.fetch_add(1, Ordering::Relaxed);
                    match script(connection, exchange) {
                        Some(answer) => {
                            stream.write_all(answer.as_bytes()).await.unwrap();
                            if answer.contains("Connection: close") {
                                return;
                            }
                        }
                        None => return,
                    }
                }
            });
        }
    });
    (url, requests)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_nonsense_answer_or_a_broken_connection_is_502() {
    for script in [
        (|_, _| Some("nonsense\r\n\r\n")) as fn(usize, usize) -> Option<&'static str>,
        |_, _| Some("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        |_, _| None,
    ] {
        let (url, _) = scripted(script).await;
        let sidecar = Fixture::with_flags(&url, "", &CONNECT_ONLY).await;
        let answer = send(&sidecar, get("/k")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_GATEWAY, "upstream-failed"));
    }
}

#[tokio::test]
async fn a_stale_connection_is_healed_for_what_may_be_repeated() {
    // The first connection answers once, takes a second request, and closes without an answer.
    let (url, requests) =
        scripted(|connection, exchange| (connection + exchange != 1 || connection == 1).then_some(OK)).await;
    let sidecar = Fixture::with_flags(&url, "", &CONNECT_ONLY).await;
    assert_eq!(send(&sidecar, get("/k")).await.text(), "ok");
    assert_eq!(send(&sidecar, get("/k")).await.text(), "ok");
    assert_eq!(requests.load(Ordering::Relaxed), 3, "the second was sent twice");
}

#[tokio::test]
async fn what_may_not_be_repeated_is_sent_once() {
    let (url, requests) = scripted(|_, exchange| (exchange == 0).then_some(OK)).await;
    let sidecar = Fixture::with_flags(&url, "auth: {anonymous: ReadWrite}", &CONNECT_ONLY).await;
    // A GET that is not plain: it leaves its connection to what is not a plain GET either.
    let first = Request::get("/k").header("cache-control", "no-cache").body(Full::default()).unwrap();
    assert_eq!(send(&sidecar, first).await.text(), "ok");
    let post = Request::post("/k").body(Full::default()).unwrap();
    let answer = send(&sidecar, post).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.header("cache-status"), Some("kivi; fwd=method; detail=broken"));
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_never_a_short_body() {
    let scripts: [fn(usize, usize) -> Option<&'static str>; 2] = [
        |_, _| Some("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nok"),
        |_, _| Some("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n"),
    ];
    for script in scripts {
        let (url, _) = scripted(script).await;
        let sidecar = Fixture::with_flags(&url, "", &CONNECT_ONLY).await;
        if let Ok(answer) = send_to(&sidecar.clients, get("/k")).await {
            assert!(!answer.status.is_success(), "a short body passed as whole: {answer:?}");
        }
    }
}
