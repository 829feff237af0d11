//! Behind a break of the feed nothing that is kept is served, and what happened meanwhile is not missed.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::support::{Fixture, Server, Store, get, send, text};

const KEEPS: &str = "sidecar: {cache: {ttl: 10m}}";

#[tokio::test]
async fn a_restart_of_the_server_empties_the_cache_and_is_survived() {
    let store = Store::start("{}").await;
    let sidecar = Fixture::with_flags(&store.url, KEEPS, &["--upstream-ready", ""]).await;
    sidecar.until("kivi_feed_current", 1).await;
    store.put("/v1/k", "old").await;
    while !status(&sidecar).await.1.starts_with("kivi; hit") {}
    let stopped = store.stop().await;
    sidecar.until("kivi_feed_current", 0).await;
    assert_eq!(status(&sidecar).await.0, StatusCode::SERVICE_UNAVAILABLE, "what is kept is not served");
    let store = stopped.start().await;
    store.put("/v1/k", "new").await;
    sidecar.until("kivi_feed_current", 1).await;
    assert_eq!(send(&sidecar, get("/v1/k")).await.text(), "new");
    assert_eq!(sidecar.metric("kivi_feed_connections_total").await, 2);
}

#[tokio::test]
async fn stale_if_error_covers_a_server_that_is_away() {
    let store = Store::start("{}").await;
    let settings = "sidecar: {cache: {ttl: 10m, staleIfError: 10m}}";
    let sidecar = Fixture::with_flags(&store.url, settings, &["--upstream-ready", ""]).await;
    sidecar.until("kivi_feed_current", 1).await;
    store.put("/v1/k", "old").await;
    while !status(&sidecar).await.1.starts_with("kivi; hit") {}
    store.stop().await;
    sidecar.until("kivi_feed_current", 0).await;
    let answer = send(&sidecar, get("/v1/k")).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "old"));
}

async fn status(sidecar: &Fixture) -> (StatusCode, String) {
    let answer = send(sidecar, get("/v1/k")).await;
    (answer.status, answer.header("cache-status").unwrap_or_default().to_owned())
}

type Stream = mpsc::UnboundedSender<Bytes>;

/// A server whose watches the test writes, with the status that it answers the next one with.
struct Told {
    streams: Arc<Mutex<Vec<Stream>>>,
    status: Arc<Mutex<StatusCode>>,
    server: Server,
    _dir: tempfile::TempDir,
}

impl Told {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let streams: Arc<Mutex<Vec<Stream>>> = Arc::default();
        let status = Arc::new(Mutex::new(StatusCode::OK));
        let (opened, answers) = (Arc::clone(&streams), Arc::clone(&status));
        let server = Server::unix(&dir.path().join("server.sock"), move |request: Request<Incoming>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let builder = Response::builder().header("kivi-revision", "7");
            let answer = if query.contains("watch=true") {
                let (stream, mut pieces) = mpsc::unbounded_channel();
                opened.lock().push(stream);
                let pieces = futures::stream::poll_fn(move |cx| {
                    pieces.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
                });
                builder.status(*answers.lock()).body(StreamBody::new(pieces).boxed())
            } else {
                builder.body(text("value"))
            };
            async move { answer.unwrap() }
        });
        Self { streams, status, server, _dir: dir }
    }

    async fn sidecar(&self) -> Fixture {
        Fixture::with_flags(&self.server.url, KEEPS, &["--upstream-ready", ""]).await
    }

    fn watches(&self) -> usize {
        self.streams.lock().len()
    }

    /// Says this on the newest watch.
    fn say(&self, events: &'static str) {
        self.streams.lock().last().unwrap().send(Bytes::from_static(events.as_bytes())).unwrap();
    }

    async fn until_watches(&self, count: usize) {
        while self.watches() < count {
            tokio::task::yield_now().await;
        }
    }
}

const BOOKMARK: &str = "event: bookmark\nid: 7\ndata: {\"revision\":7}\n\n";

#[tokio::test]
async fn nothing_kept_is_served_before_the_first_bookmark() {
    let told = Told::new();
    let sidecar = told.sidecar().await;
    told.until_watches(1).await;
    for _ in 0..3 {
        assert!(!status(&sidecar).await.1.starts_with("kivi; hit"));
    }
    told.say(BOOKMARK);
    sidecar.until("kivi_feed_current", 1).await;
    // What was kept before the connection may have gone with it.
    while !status(&sidecar).await.1.starts_with("kivi; hit") {}
    let watch =
        told.server.seen().into_iter().find(|seen| seen.uri.query().unwrap_or_default().contains("watch"));
    assert_eq!(watch.unwrap().uri, "/v1/?watch=true&keysOnly=true&after=7");
}

#[tokio::test]
async fn a_server_that_gives_up_is_followed_anew_with_an_empty_cache() {
    for last_words in ["event: error\ndata: {\"status\":410}\n\n", "event: put\ndata: {}\n\n"] {
        let told = Told::new();
        let sidecar = told.sidecar().await;
        told.until_watches(1).await;
        told.say(BOOKMARK);
        sidecar.until("kivi_feed_current", 1).await;
        while !status(&sidecar).await.1.starts_with("kivi; hit") {}
        told.say(last_words);
        told.until_watches(2).await;
        told.say(BOOKMARK);
        sidecar.until("kivi_feed_current", 1).await;
        let answer = status(&sidecar).await.1;
        assert!(answer.starts_with("kivi; fwd=miss"), "{last_words}: {answer}");
    }
}

#[tokio::test]
async fn a_watch_that_is_refused_is_tried_again() {
    let told = Told::new();
    *told.status.lock() = StatusCode::GONE;
    let sidecar = told.sidecar().await;
    told.until_watches(2).await;
    *told.status.lock() = StatusCode::OK;
    told.until_watches(told.watches() + 1).await;
    told.say(BOOKMARK);
    sidecar.until("kivi_feed_current", 1).await;
}

#[tokio::test]
async fn a_change_that_comes_late_is_a_break() {
    let told = Told::new();
    let sidecar = told.sidecar().await;
    told.until_watches(1).await;
    told.say(BOOKMARK);
    sidecar.until("kivi_feed_current", 1).await;
    while !status(&sidecar).await.1.starts_with("kivi; hit") {}
    told.say("event: put\nid: 8\ndata: {\"revision\":8,\"key\":\"other\",\"modifiedMs\":1}\n\n");
    sidecar.until("kivi_feed_current", 0).await;
    assert!(!status(&sidecar).await.1.starts_with("kivi; hit"), "what is not told yet may be as old");
    told.say(BOOKMARK);
    sidecar.until("kivi_feed_current", 1).await;
    assert!(status(&sidecar).await.1.starts_with("kivi; hit"));
}

#[tokio::test]
async fn another_server_has_no_feed_and_is_cached_by_freshness() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::unix(&dir.path().join("server.sock"), async |_| Response::new(text("value")));
    let sidecar = Fixture::with_flags(&server.url, KEEPS, &["--upstream-ready", ""]).await;
    while !status(&sidecar).await.1.starts_with("kivi; hit") {}
    assert_eq!(sidecar.metric("kivi_feed_wanted").await, 0);
    sidecar.configure("sidecar: {cache: {ttl: 5m}}");
    sidecar.until("kivi_config_changes_total{outcome=\"applied\"}", 1).await;
    while !status(&sidecar).await.1.starts_with("kivi; hit") {}
}

#[tokio::test]
async fn a_server_at_an_address_is_not_asked_unless_it_is_said_to_have_a_feed() {
    let server = Server::tcp(async |_| Response::new(text("value"))).await;
    let sidecar = Fixture::new(&server, KEEPS).await;
    while !status(&sidecar).await.1.starts_with("kivi; hit") {}
    assert_eq!(server.seen().len(), 1, "but for the value");

    let flags = ["--upstream-ready", "", "--change-feed", "on"];
    let sidecar = Fixture::with_flags(&server.url, KEEPS, &flags).await;
    let asked = || server.seen().iter().filter(|seen| seen.uri.path() == "/v1/").count();
    while asked() < 2 {
        assert!(!status(&sidecar).await.1.starts_with("kivi; hit"), "its feed is not there");
    }
}
