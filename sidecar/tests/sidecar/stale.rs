//! What is served after its freshness, by the settings.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use http::{Response, StatusCode};

use crate::support::{Answer, Fixture, Server, get, send, text};

/// A server whose first answer is `first`, and every other `status`. The first is stale after a second.
async fn server(status: StatusCode) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let server = Server::tcp(move |_| {
        let number = counter.fetch_add(1, SeqCst);
        async move {
            if number == 0 {
                let first = Response::builder().header("cache-control", "max-age=1");
                return first.body(text("first")).unwrap();
            }
            let other = Response::builder().status(status).header("cache-control", "max-age=60");
            other.body(text("other")).unwrap()
        }
    })
    .await;
    (server, asked)
}

/// Asks until the answer is not a fresh stored one.
async fn until_stale(sidecar: &Fixture) -> Answer {
    loop {
        let answer = send(sidecar, get("/v1/k")).await;
        let status = answer.header("cache-status").unwrap();
        let is_stale = status.contains("ttl=-") || status.contains("fwd=stale");
        if is_stale {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stale_while_revalidate_serves_the_old_answer_and_loads_the_new_one() {
    let (server, _) = server(StatusCode::OK).await;
    let settings = "sidecar: {cache: {staleWhileRevalidate: 10m}}";
    let sidecar = Fixture::new(&server, settings).await;
    let stale = until_stale(&sidecar).await;
    assert_eq!(stale.text(), "first");
    assert!(stale.header("cache-status").unwrap().starts_with("kivi; hit; ttl=-"));
    while send(&sidecar, get("/v1/k")).await.text() == "first" {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.seen().len(), 2, "one load refreshed it");
}

#[tokio::test]
async fn stale_if_error_serves_the_old_answer_while_the_server_fails() {
    let (server, asked) = server(StatusCode::SERVICE_UNAVAILABLE).await;
    let settings = "sidecar: {cache: {staleIfError: 10m, errorTtl: 10m}}";
    let sidecar = Fixture::new(&server, settings).await;
    let stale = until_stale(&sidecar).await;
    assert_eq!((stale.status, stale.text()), (StatusCode::OK, "first"));
    let status = stale.header("cache-status").unwrap();
    assert!(status.starts_with("kivi; fwd=stale; fwd-status=503; ttl=-"), "{status}");
    for _ in 0..10 {
        let again = send(&sidecar, get("/v1/k")).await;
        assert_eq!(again.text(), "first");
        assert!(again.header("cache-status").unwrap().starts_with("kivi; hit; ttl=-"));
    }
    assert_eq!(asked.load(SeqCst), 2, "the server was asked once more, and not again within errorTtl");
}

#[tokio::test]
async fn a_server_that_hangs_fails_too() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server::tcp(move |_| {
        let number = asked.fetch_add(1, SeqCst);
        async move {
            if number > 0 {
                std::future::pending::<()>().await;
            }
            Response::builder().header("cache-control", "max-age=1").body(text("first")).unwrap()
        }
    })
    .await;
    let settings = "sidecar: {timeouts: {request: 100ms}, cache: {staleIfError: 10m}}";
    let sidecar = Fixture::new(&server, settings).await;
    let stale = until_stale(&sidecar).await;
    assert_eq!((stale.status, stale.text()), (StatusCode::OK, "first"));
}
