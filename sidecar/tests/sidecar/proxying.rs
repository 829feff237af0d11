//! What passes, passes byte for byte; what is for one hop, does not.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use crate::support::{Fixture, Server, TOKEN, connect, echo, get, raw, send, text};

const OPEN: &str = "auth: {anonymous: ReadWrite}";

#[tokio::test]
async fn methods_bodies_and_odd_paths_arrive_as_they_left() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::unix(&dir.path().join("server.sock"), echo);
    let sidecar = Fixture::new(&server, "").await;
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for (number, (method, path)) in [
        (Method::PUT, "/v1/%00%ff%2F..%2f//a%20b;c=d"),
        (Method::POST, "/?%zz&&=&a=b?c"),
        (Method::DELETE, "/v1/~!$'()*,:@[]|\"{}"),
        (Method::PATCH, "//double//"),
        (Method::from_bytes(b"BREW").unwrap(), "/pot"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = get(path).map(|_| Full::from(body.clone()));
        *request.method_mut() = method.clone();
        let answer = send(&sidecar, request).await;
        assert_eq!((answer.status, answer.body == body), (StatusCode::OK, true), "{method} {path}");
        let seen = &server.seen()[number];
        assert_eq!((&seen.method, seen.uri.to_string().as_str()), (&method, path));
        assert_eq!(seen.headers[header::CONTENT_LENGTH], body.len().to_string());
    }
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, OPEN).await;
    let (mut chunks, body) = futures::channel::mpsc::channel::<Bytes>(1);
    let body = StreamBody::new(body.map(|chunk| Ok::<_, std::convert::Infallible>(Frame::data(chunk))));
    let mut client = connect(&sidecar.clients).await;
    let request = Request::put("/v1/k").header(header::HOST, "a").body(body).unwrap();
    let mut answer = client.send_request(request).await.unwrap().into_body();
    for chunk in ["one", "two", "three"] {
        chunks.send(Bytes::from(chunk)).await.unwrap();
        let frame = answer.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), chunk, "it came back before the next was sent");
    }
    drop(chunks);
    assert!(answer.frame().await.is_none());
}

#[tokio::test]
async fn fields_of_one_hop_stay_on_it() {
    let server = Server::tcp(async |_| {
        let answer = Response::builder()
            .header("connection", "x-internal")
            .header("x-internal", "secret")
            .header("keep-alive", "timeout=9")
            .header("proxy-authenticate", "Basic")
            .header("x-kept", "1");
        answer.body(text("ok")).unwrap()
    })
    .await;
    let sidecar = Fixture::new(&server, "").await;
    let answer = raw(
        &sidecar.clients,
        &format!(
            "PUT /k HTTP/1.1\r\nHost: kivi.test\r\nAuthorization: Bearer {TOKEN}\r\n\
             Connection: close, X-Nominated, X-Forwarded-For, Host\r\nX-Nominated: 1\r\nX-Forwarded-For: 6.6.6.6\r\n\
             Keep-Alive: 9\r\nProxy-Authorization: Basic eA==\r\nTE: trailers, gzip\r\nUpgrade: websocket\r\n\
             X-Kept: 1\r\nContent-Length: 0\r\n\r\n"
        ),
    )
    .await;
    let seen = server.only().headers;
    for gone in ["x-nominated", "keep-alive", "proxy-authorization", "upgrade", "authorization"] {
        assert!(!seen.contains_key(gone), "{gone} reached the server");
    }
    assert_eq!(seen["te"], "trailers");
    assert_eq!(seen["x-kept"], "1");
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1", "a nominated list is gone, ours is there");
    assert_eq!(seen["via"], "1.1 kivi");
    assert_eq!(seen["host"], "kivi.test");
    assert_eq!(seen["x-forwarded-proto"], "http");
    assert_eq!(seen["x-forwarded-host"], "kivi.test");
    let answer = answer.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("x-kept: 1"), "{answer}");
    for gone in ["x-internal", "keep-alive", "proxy-authenticate"] {
        assert!(!answer.contains(gone), "{gone} reached the client: {answer}");
    }
}

#[tokio::test]
async fn an_answer_keeps_status_fields_and_length() {
    let server = Server::tcp(async |request| {
        let answer = Response::builder().status(207).header("etag", "\"5\"").header("set-cookie", "a=1");
        let answer = answer.header("set-cookie", "b=2").header("content-length", "5");
        answer.body(if request.method() == Method::HEAD { text("") } else { text("value") }).unwrap()
    })
    .await;
    let sidecar = Fixture::new(&server, "").await;
    for (method, body) in [(Method::GET, "value"), (Method::HEAD, "")] {
        let mut request = get("/k");
        *request.method_mut() = method;
        let answer = send(&sidecar, request).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (207, body));
        assert_eq!(answer.header("content-length"), Some("5"));
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    }
}

#[tokio::test]
async fn ambiguous_requests_and_tunnels_are_refused_here() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, OPEN).await;
    for (request, status) in [
        ("GET /k HTTP/1.1\r\nConnection: close\r\n\r\n", "400"),
        ("GET /k HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", "400"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n", "405"),
    ] {
        let answer = raw(&sidecar.clients, request).await;
        assert!(
            !answer.to_ascii_lowercase().contains("cache-status"),
            "it did not reach the cache: {answer}"
        );
        assert_eq!(answer.get(9..12), Some(status), "{request}: {answer}");
    }
    // HTTP/1.0 has no chunks: what another server takes for the end of this request is not agreed on.
    let smuggled = "PUT /k HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.0\r\n\r\n";
    assert!(!raw(&sidecar.clients, smuggled).await.contains(" 200 "));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_path_before_all_paths_is_kept() {
    let server = Server::tcp(echo).await;
    let base = format!("{}/base/", server.url);
    let sidecar = Fixture::with_flags(&base, "", &["--upstream-ready", ""]).await;
    send(&sidecar, get("/k?x=%2f")).await;
    assert_eq!(server.only().uri, "/base/k?x=%2f");
}
