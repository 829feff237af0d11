//! What clients' own caches are told of an answer that says nothing about its freshness.

use http::{Response, header};
use hyper::body::Incoming;

use crate::support::{Body, Fixture, Server, get, send, text};

const KEEPING: &str = "sidecar: {cache: {ttl: 60s}}";

async fn answer(request: http::Request<Incoming>) -> Response<Body> {
    let answer = Response::builder().header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    let directives = request.uri().path().strip_prefix("/v1/says/").map(|line| ("cache-control", line));
    directives
        .into_iter()
        .fold(answer, |answer, (name, value)| answer.header(name, value))
        .body(text("value"))
        .unwrap()
}

#[tokio::test]
async fn they_are_to_ask_each_time_where_the_server_is_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::unix(&dir.path().join("server.sock"), answer);
    let sidecar = Fixture::new(&server, KEEPING).await;
    for status in ["kivi; fwd=miss; stored", "kivi; hit"] {
        let answer = send(&sidecar, get("/v1/k")).await;
        assert!(answer.header("cache-status").unwrap().starts_with(status));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
    }
    let mut request = get("/v1/k");
    let since = header::HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
    request.headers_mut().insert(header::IF_MODIFIED_SINCE, since);
    let answer = send(&sidecar, request).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (304, Some("no-cache")));
    assert_eq!(server.seen().len(), 1, "it is kept here all the same");
    for path in ["/v1/says/max-age=9", "/v1/says/no-store"] {
        let answer = send(&sidecar, get(path)).await;
        assert_eq!(answer.header("cache-control"), path.strip_prefix("/v1/says/"));
    }
}

#[tokio::test]
async fn what_another_server_leaves_open_stays_open() {
    let server = Server::tcp(answer).await;
    let sidecar = Fixture::new(&server, KEEPING).await;
    for _ in 0..2 {
        assert_eq!(send(&sidecar, get("/v1/k")).await.header("cache-control"), None);
    }
}
