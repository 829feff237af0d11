//! Watches over the real server, with writers at work: ordered, unique, reliable, atomic, resumable, bookmarkable
//! (the guarantees of etcd's watch, as its robustness tests validate them).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method};
use kivi_api::ProblemType;
use kivi_api::wire::{Bookmark, Entry, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::running::{Running, problem};

/// A server-sent event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) name: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: String,
}

/// One watch, by HTTP/1.0, whose body is all that comes until the end.
pub(crate) struct Watching {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Watching {
    pub(crate) async fn start(address: SocketAddr, query: &str, field: &str) -> Self {
        Self::start_on(TcpStream::connect(address).await.unwrap(), query, field).await
    }

    /// With as little room in the kernel for what was not read as it allows.
    pub(crate) async fn start_with_little_room(address: SocketAddr, query: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Self::start_on(socket.connect(address).await.unwrap(), query, "").await
    }

    async fn start_on(mut stream: TcpStream, query: &str, field: &str) -> Self {
        let request = format!("GET /v1/?watch=true{query} HTTP/1.0\r\n{field}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut watching = Self { stream, read: Vec::new() };
        let head = watching.until(b"\r\n\r\n").await.unwrap();
        assert!(head.contains("200 OK") && head.contains("text/event-stream"), "{head}");
        watching
    }

    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Sent> {
        let text = self.until(b"\n\n").await?;
        let mut sent = Sent { name: String::new(), id: None, data: String::new() };
        for line in text.trim_end().lines() {
            match line.split_once(": ").unwrap() {
                ("event", name) => sent.name = name.to_owned(),
                ("id", id) => sent.id = Some(id.parse().unwrap()),
                ("data", data) => sent.data = data.to_owned(),
                other => panic!("{other:?}"),
            }
        }
        Some(sent)
    }

    /// The changes up to a revision, in order; bookmarks and the present keys are checked and left out.
    pub(crate) async fn changes(&mut self, upto: u64) -> Vec<(Sent, Event)> {
        let mut changes: Vec<(Sent, Event)> = Vec::new();
        loop {
            let sent = self.next().await.unwrap();
            let seen = changes.last().map_or(0, |(_, event)| event.revision);
            if sent.name == "bookmark" {
                let bookmark: Bookmark = serde_json::from_str(&sent.data).unwrap();
                assert_eq!(sent.id, Some(bookmark.revision));
                assert!(bookmark.revision >= seen, "a bookmark before what it promises");
                if bookmark.revision >= upto {
                    return changes;
                }
                continue;
            }
            let event: Event = serde_json::from_str(&sent.data).unwrap();
            assert!(sent.id.is_none_or(|id| id == event.revision));
            let is_last = sent.id == Some(upto);
            changes.push((sent, event));
            if is_last {
                return changes;
            }
        }
    }

    async fn until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                let text = self.read.drain(..at + end.len()).collect();
                return Some(String::from_utf8(text).unwrap());
            }
            if self.stream.read_buf(&mut self.read).await.unwrap() == 0 {
                assert!(self.read.is_empty(), "the stream ended within an event");
                return None;
            }
        }
    }
}

/// Puts, deletes and transactions of several keys, several at a time; returns the last revision.
async fn write(server: &Running, rounds: u32) -> u64 {
    let work = (0..4_u32).map(|writer| {
        let client = server.client();
        tokio::spawn(async move {
            let ask = async |method: Method, path: String, body: String| {
                let mut fields = HeaderMap::new();
                fields.insert("content-type", "application/json".parse().unwrap());
                client.request(method, &path, fields, Bytes::from(body)).await.unwrap()
            };
            for round in 0..rounds {
                ask(Method::PUT, format!("/v1/k{}", (writer + round) % 7), round.to_string()).await;
                ask(Method::DELETE, format!("/v1/k{}", (writer * 3 + round) % 7), String::new()).await;
                let put =
                    |key: &str| format!(r#"{{"put": {{"key": "{key}", "value": "{writer}/{round}"}}}}"#);
                let body = format!(r#"{{"operations": [{}, {}, {}]}}"#, put("t1"), put("t2"), put("t3"));
                ask(Method::POST, "/v1/".to_owned(), body).await;
            }
        })
    });
    for done in work.collect::<Vec<_>>() {
        done.await.unwrap();
    }
    let answer = server.ask("GET", "/v1/?keysOnly=true", &[], "").await;
    answer.headers()["kivi-revision"].to_str().unwrap().parse().unwrap()
}

/// Ordered, unique, reliable and atomic: every revision from `after` on, each once, in order, whole, and each event in
/// agreement with the one of its key before it.
fn validate(changes: &[(Sent, Event)], after: u64, upto: u64) {
    let mut revisions: Vec<u64> = changes.iter().map(|(_, event)| event.revision).collect();
    assert!(revisions.is_sorted());
    revisions.dedup();
    assert_eq!(revisions, (after + 1..=upto).collect::<Vec<_>>());
    let mut last: BTreeMap<&[u8], Option<u64>> = BTreeMap::new();
    for (at, (sent, event)) in changes.iter().enumerate() {
        let next = changes.get(at + 1).map(|(_, next)| next.revision);
        assert_eq!(
            sent.id.is_some(),
            next != Some(event.revision),
            "the id is on the last event of a revision"
        );
        let of_transaction = event.key.0.starts_with(b"t");
        let together = changes.iter().filter(|(_, other)| other.revision == event.revision).count();
        assert_eq!(together, if of_transaction { 3 } else { 1 });
        let becomes = (sent.name == "put").then_some(event.revision);
        if let Some(before) = last.insert(&event.key.0, becomes) {
            assert_eq!(event.previous_revision, before, "{event:?}");
        }
    }
}

#[tokio::test]
async fn a_watch_tells_everything_once_in_order_and_whole() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/before", &[], "v").await;
    let mut watching = Watching::start(server.socket_addr(), "&after=1", "").await;
    let upto = write(&server, 60).await;
    let changes = watching.changes(upto).await;
    validate(&changes, 1, upto);
    // And the same again for who comes later.
    let again = Watching::start(server.socket_addr(), "&after=1", "").await.changes(upto).await;
    assert_eq!(again, changes);
}

#[tokio::test]
async fn whoever_resumes_anywhere_loses_nothing_and_gets_nothing_twice() {
    let server = Running::start().await;
    let upto = write(&server, 10).await;
    let all = Watching::start(server.socket_addr(), "&after=0", "").await.changes(upto).await;
    validate(&all, 0, upto);
    for cut in 0..all.len() {
        // What an `EventSource` would send after a cut behind this many events.
        let seen = all[..cut].iter().rev().find_map(|(sent, _)| sent.id).unwrap_or(0);
        let kept: Vec<_> = all[..cut].iter().filter(|(_, event)| event.revision <= seen).cloned().collect();
        let field = format!("Last-Event-ID: {seen}\r\n");
        let rest = if seen == upto {
            Vec::new()
        } else {
            Watching::start(server.socket_addr(), "&after=0", &field).await.changes(upto).await
        };
        assert_eq!([kept, rest].concat(), all, "cut behind {cut}");
    }
}

#[tokio::test]
async fn without_a_revision_the_present_keys_come_first_and_then_what_happens() {
    let server = Running::start().await;
    for key in ["a/1", "a/2", "b/1"] {
        server.ask("PUT", &format!("/v1/{key}"), &[], key).await;
    }
    let mut watching = Watching::start(server.socket_addr(), "&prefix=a/", "").await;
    for key in ["a/1", "a/2"] {
        let sent = watching.next().await.unwrap();
        assert_eq!((sent.name.as_str(), sent.id), ("snapshot", None));
        let entry: Entry = serde_json::from_str(&sent.data).unwrap();
        assert_eq!((&entry.key.0[..], entry.value.value.as_deref()), (key.as_bytes(), Some(key)));
    }
    let bookmark = watching.next().await.unwrap();
    assert_eq!((bookmark.name.as_str(), bookmark.id), ("bookmark", Some(3)));
    server.ask("DELETE", "/v1/b/1", &[], "").await;
    server.ask("PUT", "/v1/a/2?ttl=30ms", &[], "short").await;
    let put = watching.next().await.unwrap();
    assert_eq!((put.name.as_str(), put.id), ("put", Some(5)), "another prefix is none of its business");
    let expire = watching.next().await.unwrap();
    assert_eq!((expire.name.as_str(), expire.id), ("expire", Some(6)));
    let event: Event = serde_json::from_str(&expire.data).unwrap();
    assert_eq!((&event.key.0[..], event.previous_revision, event.value.value), (&b"a/2"[..], Some(5), None));
}

#[tokio::test]
async fn a_server_that_ends_ends_its_watches_with_a_bookmark() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/k", &[], "v").await;
    let mut watching = Watching::start(server.socket_addr(), "&after=0&keysOnly=true", "").await;
    let put = watching.next().await.unwrap();
    assert!(!put.data.contains("value"), "{}", put.data);
    let address = server.socket_addr();
    server.stop().await;
    let mut last = None;
    while let Some(sent) = watching.next().await {
        last = Some(sent);
    }
    assert_eq!(last.map(|sent| (sent.name, sent.id)), Some(("bookmark".to_owned(), Some(1))), "{address}");
}

#[tokio::test]
async fn what_was_compacted_away_is_410_with_the_way_out() {
    let server = Running::start().await;
    // More changes than the history keeps, of values that take memory once they are replaced.
    let value = "x".repeat(60 << 10);
    for _ in 0..40 {
        server.ask("PUT", "/v1/k", &[], &value).await;
    }
    let answer = server.ask("GET", "/v1/?watch=true&after=1", &[], "").await;
    let problem = problem(&answer);
    assert_eq!((problem.kind, problem.status), (ProblemType::Gone, 410));
    assert!(problem.detail.contains("begin again"), "{}", problem.detail);
}
