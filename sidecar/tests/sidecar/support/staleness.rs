//! How long what the sidecar keeps outlives a write that did not pass it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use tokio::task::JoinSet;

use super::{Fixture, Store, TOKEN, connect, put};

/// Keeps answers for longer than anything here runs.
pub(crate) const KEEPS: &str = "sidecar: {cache: {ttl: 10m, negativeTtl: 10m}}";

/// A sidecar that hears of every change of `store`.
pub(crate) async fn before(store: &Store, settings: &str) -> Fixture {
    let sidecar = Fixture::with_flags(&store.url, settings, &["--upstream-ready", ""]).await;
    sidecar.until("kivi_feed_current", 1).await;
    sidecar
}

/// GETs on one connection.
struct Reader {
    sender: SendRequest<Full<Bytes>>,
}

impl Reader {
    async fn get(&mut self) -> (bool, String) {
        let request = Request::get("/v1/k").header(header::HOST, "kivi.test");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        self.sender.ready().await.unwrap();
        let answer = self.sender.send_request(request.body(Full::default()).unwrap()).await.unwrap();
        let is_kept = answer.headers()["cache-status"].as_bytes().starts_with(b"kivi; hit");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (is_kept, String::from_utf8(body.to_vec()).unwrap())
    }
}

/// For each of so many writes past the sidecar, the time from its acknowledgement to the last answer that had what was
/// there before, the least first; nothing where there was none. Meanwhile so many other writers do what they can.
///
/// # Panics
/// When one is beyond `bound`.
pub(crate) async fn stalenesses(rounds: usize, others: usize, bound: Duration) -> Vec<Duration> {
    let store = Store::start("{}").await;
    let sidecar = before(&store, KEEPS).await;
    let mut writers = JoinSet::new();
    for other in 0..others {
        let mut sender = store.connect().await;
        writers.spawn(async move {
            loop {
                put(&mut sender, &format!("/v1/other/{other}"), "value").await;
            }
        });
    }
    let mut reader = Reader { sender: connect(&sidecar.clients).await };
    let mut writer = store.connect().await;
    put(&mut writer, "/v1/k", "0").await;
    let mut found = Vec::new();
    for round in 1..=rounds {
        let value = round.to_string();
        while !reader.get().await.0 {}
        put(&mut writer, "/v1/k", &value).await;
        let acknowledged = Instant::now();
        let mut staleness = Duration::ZERO;
        while reader.get().await.1 != value {
            staleness = acknowledged.elapsed();
            assert!(staleness < bound, "write {round} is not seen");
        }
        found.push(staleness);
    }
    found.sort_unstable();
    found
}
