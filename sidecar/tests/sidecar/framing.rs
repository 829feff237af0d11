//! What goes around an answer: interim ones before it, trailers behind it.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Fixture, Server, connect, get, send, text};

/// A server that answers each connection's first request with these bytes, and its URL.
async fn raw_server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn interim_answers_are_neither_the_answer_nor_a_part_of_it() {
    let url = raw_server(
        "HTTP/1.1 100 Continue\r\n\r\n\
         HTTP/1.1 103 Early Hints\r\nCache-Control: max-age=600\r\nLink: </a>; rel=preload\r\n\r\n\
         HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nvalue",
    )
    .await;
    let sidecar = Fixture::with_flags(&url, "", &["--upstream-ready", ""]).await;
    for status in ["kivi; fwd=miss; stored; ttl=", "kivi; hit; ttl="] {
        let answer = send(&sidecar, get("/v1/k")).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "value"));
        assert!(answer.header("cache-status").unwrap().starts_with(status), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("max-age=60"));
        assert_eq!(answer.header("link"), None);
    }
}

/// A server whose answers have a trailer.
async fn trailing() -> Server {
    Server::tcp(async |_| {
        let sum = [(header::ETAG, header::HeaderValue::from_static("\"9\""))].into_iter().collect();
        let frames = [Frame::data(Bytes::from("value")), Frame::trailers(sum)];
        let body = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, hyper::Error>)));
        let answer = Response::builder().header("cache-control", "max-age=60").header("trailer", "etag");
        answer.body(BodyExt::boxed(body)).unwrap()
    })
    .await
}

async fn trailers(answer: Response<hyper::body::Incoming>) -> (String, Option<HeaderMap>) {
    let status = answer.headers()["cache-status"].to_str().unwrap().to_owned();
    let body = answer.into_body().collect().await.unwrap();
    let trailers = body.trailers().cloned();
    assert_eq!(body.to_bytes(), "value");
    (status, trailers)
}

#[tokio::test]
async fn trailers_are_passed_on_and_kept() {
    let server = trailing().await;
    let sidecar = Fixture::new(&server, "").await;
    let mut client = connect::<Full<Bytes>>(&sidecar.clients).await;
    let ask = || {
        let mut request = get("/v1/k");
        request.headers_mut().insert("te", header::HeaderValue::from_static("trailers"));
        request
    };
    for expected in ["kivi; fwd=miss; stored; ttl=", "kivi; hit; ttl="] {
        let (status, trailers) = trailers(client.send_request(ask()).await.unwrap()).await;
        assert!(status.starts_with(expected), "{status}");
        assert_eq!(trailers.unwrap()["etag"], "\"9\"", "{expected}");
        client.ready().await.unwrap();
    }
    // Over HTTP/2 as well.
    let stream = TcpStream::connect(&sidecar.clients).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = ask();
    request.headers_mut().remove(header::HOST);
    *request.uri_mut() = "http://kivi.test/v1/k".parse().unwrap();
    let (status, trailers) = trailers(client.send_request(request).await.unwrap()).await;
    assert!(status.starts_with("kivi; hit; ttl=") && trailers.is_some(), "{status}");
    // Who does not take trailers gets the rest, and the connection goes on.
    let mut client = connect::<Full<Bytes>>(&sidecar.clients).await;
    for _ in 0..2 {
        let answer = client.send_request(get("/v1/k")).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "value");
        client.ready().await.unwrap();
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_304_with_the_length_of_the_whole_ends_with_its_head() {
    let server = Server::tcp(async |request| {
        let answer = Response::builder().header("etag", "\"7\"");
        if request.headers().contains_key(header::IF_NONE_MATCH) {
            return answer.status(304).header("content-length", "5").body(text("")).unwrap();
        }
        answer.body(text("value")).unwrap()
    })
    .await;
    let sidecar = Fixture::new(&server, "").await;
    let mut client = connect::<Full<Bytes>>(&sidecar.clients).await;
    for (copy, status, body) in [("\"7\"", 304, ""), ("\"7\"", 304, ""), ("", 200, "value")] {
        let mut request = get("/v1/k");
        if !copy.is_empty() {
            request.headers_mut().insert(header::IF_NONE_MATCH, header::HeaderValue::from_static(copy));
        }
        let answer = client.send_request(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body);
        client.ready().await.unwrap();
    }
    assert_eq!(server.seen().len(), 3);
}
