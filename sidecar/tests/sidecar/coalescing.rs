//! One load a key, however many ask.

use std::sync::Arc;

use futures::future::join_all;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::Semaphore;

use crate::support::{Answer, Fixture, Server, get, raw, send, send_to, text};

/// A server that answers each request when it is let.
async fn gated() -> (Server, Arc<Semaphore>) {
    let leave = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&leave);
    let server = Server::tcp(move |_| {
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.unwrap().forget();
            Response::new(text("value"))
        }
    })
    .await;
    (server, leave)
}

async fn waiters(sidecar: &Fixture) -> u64 {
    let metrics = Request::get("/metrics").body(Full::default()).unwrap();
    let answer: Answer = send_to(&sidecar.health, metrics).await.unwrap();
    let line = answer.text().lines().find(|line| line.starts_with("kivi_cache_waiters ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn two_hundred_clients_of_one_cold_key_are_one_request_upstream() {
    let (server, leave) = gated().await;
    let sidecar = Arc::new(Fixture::new(&server, "").await);
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let sidecar = Arc::clone(&sidecar);
            tokio::spawn(async move { send(&sidecar, get("/v1/cold")).await })
        })
        .collect();
    while waiters(&sidecar).await < 200 {
        tokio::task::yield_now().await;
    }
    leave.add_permits(1);
    for answer in join_all(clients).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "value"));
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_leader_that_leaves_harms_nobody() {
    let (server, leave) = gated().await;
    let sidecar = Arc::new(Fixture::new(&server, "").await);
    let ask = || {
        let sidecar = Arc::clone(&sidecar);
        tokio::spawn(async move { send(&sidecar, get("/v1/cold")).await })
    };
    let leader = ask();
    while waiters(&sidecar).await < 1 {
        tokio::task::yield_now().await;
    }
    let follower = ask();
    while waiters(&sidecar).await < 2 {
        tokio::task::yield_now().await;
    }
    leader.abort();
    while waiters(&sidecar).await > 1 {
        tokio::task::yield_now().await;
    }
    leave.add_permits(1);
    assert_eq!(follower.await.unwrap().text(), "value");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_ambiguous_request_is_no_part_of_a_shared_load() {
    let (server, leave) = gated().await;
    let sidecar = Arc::new(Fixture::new(&server, "auth: {anonymous: Read}").await);
    let bad = "GET /v1/k HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n";
    let refused = async || raw(&sidecar.clients, bad).await.starts_with("HTTP/1.1 400");
    assert!(refused().await);
    let good = tokio::spawn({
        let sidecar = Arc::clone(&sidecar);
        async move { send(&sidecar, get("/v1/k")).await }
    });
    while waiters(&sidecar).await < 1 {
        tokio::task::yield_now().await;
    }
    assert!(refused().await, "while the load of the same key is in progress");
    leave.add_permits(1);
    assert_eq!(good.await.unwrap().status, StatusCode::OK);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn nothing_is_kept_by_default_and_a_ttl_keeps() {
    for (settings, loads) in [("", 2), ("sidecar: {cache: {ttl: 60s}}", 1)] {
        let server = Server::tcp(async |_| Response::new(text("value"))).await;
        let sidecar = Fixture::new(&server, settings).await;
        for _ in 0..2 {
            let answer = send(&sidecar, get("/v1/k")).await;
            assert_eq!(answer.text(), "value");
            assert!(answer.header("cache-status").is_some());
        }
        assert_eq!(server.seen().len(), loads, "{settings}");
    }
}
