//! The guarantees of a watch (etcd's, as its robustness tests validate them), on recorded streams, while several writers
//! put, delete, transact and let keys expire: ordered, unique, reliable, atomic, resumable, bookmarkable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kivi_api::client::ListOptions;
use kivi_api::wire::{Event, Operation, Transaction};
use kivi_api::{Client, Precondition, ProblemType};
use tokio::task::JoinSet;

use crate::running::Running;
use crate::watches::{Sent, Watching};

/// A stream as it came, up to a revision.
async fn record(watching: &mut Watching, upto: u64) -> Vec<Sent> {
    let mut sent = Vec::new();
    while sent.last().and_then(|sent: &Sent| sent.id).is_none_or(|id| id < upto) {
        sent.push(watching.next().await.unwrap());
    }
    sent
}

/// One writer of four kinds of changes.
async fn write(client: Client, writer: u32, rounds: u32) {
    for round in 0..rounds {
        let key = |number: u32| format!("k{}", number % 7).into_bytes();
        client.put(&key(writer + round), round.to_string(), None, Precondition::None).await.unwrap();
        client.delete(&key(writer * 3 + round), Precondition::None).await.unwrap();
        let value = format!("{writer}/{round}").into_bytes();
        let mut operations: Vec<_> = ["t1", "t2"].map(|key| Operation::put(key, &value)).into();
        operations.push(if round % 3 == 0 { Operation::delete("t3") } else { Operation::put("t3", &value) });
        client.transact(&Transaction { operations, ..Transaction::default() }, None).await.unwrap();
        let ttl = Duration::from_millis(u64::from(1 + round % 4));
        let options = kivi_api::client::PutOptions { ttl: Some(ttl), ..Default::default() };
        client.put_with(format!("e{}", round % 5).as_bytes(), "short", &options).await.unwrap();
    }
}

/// Lets the writers write, until what was to expire has expired; returns the last revision.
async fn write_all(server: &Running, rounds: u32) -> u64 {
    let mut writers: JoinSet<()> = (0..4).map(|writer| write(server.client(), writer, rounds)).collect();
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    loop {
        let list = server.ask("GET", "/v1/?prefix=e&keysOnly=true", &[], "").await;
        let upto = list.headers()["kivi-revision"].to_str().unwrap().parse().unwrap();
        let mut watching = Watching::start(server.socket_addr(), "&after=0", "").await;
        let told = record(&mut watching, upto).await;
        let mut there = BTreeSet::new();
        for (sent, event) in events(&told) {
            let name = (event.key.0[0] == b'e').then_some(sent.name.as_str());
            match name {
                Some("put") => _ = there.insert(event.key.0),
                Some(_) => _ = there.remove(&event.key.0),
                None => {}
            }
        }
        if there.is_empty() {
            return upto;
        }
    }
}

/// The changes of a recorded stream.
fn events(recorded: &[Sent]) -> impl Iterator<Item = (&Sent, Event)> {
    let changes = recorded.iter().filter(|sent| ["put", "delete", "expire"].contains(&sent.name.as_str()));
    changes.map(|sent| (sent, serde_json::from_str(&sent.data).unwrap()))
}

/// Holds a record of all keys from `after` to `upto` against the guarantees.
fn validate(recorded: &[Sent], after: u64, upto: u64) {
    // Bookmarkable: what a bookmark promises was sent before it.
    let (mut bookmark, mut last) = (after, after);
    for sent in recorded {
        let data: serde_json::Value = serde_json::from_str(&sent.data).unwrap();
        let revision = data["revision"].as_u64().unwrap();
        if sent.name == "bookmark" {
            assert_eq!(sent.id, Some(revision));
            bookmark = bookmark.max(revision);
        } else {
            assert!(revision > bookmark, "behind the bookmark {bookmark}: {sent:?}");
        }
        // Ordered.
        assert!(revision >= last, "behind {last}: {sent:?}");
        last = revision;
    }
    // Reliable: no revision is left out. Unique: a revision changes a key once.
    let mut of_revision: BTreeMap<u64, Vec<(&Sent, Event)>> = BTreeMap::new();
    for (sent, event) in events(recorded) {
        of_revision.entry(event.revision).or_default().push((sent, event));
    }
    assert_eq!(of_revision.keys().copied().collect::<Vec<_>>(), (after + 1..=upto).collect::<Vec<_>>());
    let mut before: BTreeMap<Vec<u8>, Event> = BTreeMap::new();
    for (revision, changes) in &of_revision {
        let keys: BTreeSet<_> = changes.iter().map(|(_, event)| &event.key.0).collect();
        assert_eq!(keys.len(), changes.len(), "{changes:?}");
        // Resumable: the id comes with the last change of a revision, and only with it.
        let ids: Vec<_> = changes.iter().map(|(sent, _)| sent.id).collect();
        assert_eq!(ids.iter().position(Option::is_some), Some(changes.len() - 1), "{changes:?}");
        assert_eq!(ids.last().unwrap(), &Some(*revision));
        // Atomic: a transaction is told as a whole (where `t3` was absent already, its deletion is no change).
        if keys.iter().any(|key| key[0] == b't') {
            let values: BTreeSet<_> =
                changes.iter().filter_map(|(_, event)| event.value.value.clone()).collect();
            assert!((2..=3).contains(&changes.len()) && values.len() == 1, "{changes:?}");
        }
        for (sent, event) in changes {
            check_against_the_one_before(&sent.name, event, before.get(&event.key.0));
            if sent.name == "put" {
                before.insert(event.key.0.clone(), event.clone());
            } else {
                before.remove(&event.key.0);
            }
        }
    }
}

fn check_against_the_one_before(name: &str, event: &Event, before: Option<&Event>) {
    let expired = before.and_then(|before| before.expires_ms).is_some_and(|at| at <= event.modified_ms);
    // A put may be faster than the news that the value before it had expired.
    let unseen = name == "put" && expired && event.previous_revision.is_none();
    if !unseen {
        assert_eq!(event.previous_revision, before.map(|before| before.revision), "{name}: {event:?}");
    }
    assert!(name != "expire" || expired, "expired before its time: {event:?}");
    assert!(name == "put" || before.is_some(), "what was not there is gone: {event:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_streams_keep_all_six_guarantees() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/first", &[], "v").await;
    let address = server.socket_addr();
    let mut live = Watching::start(address, "&after=1", "").await;
    let mut of_k = Watching::start(address, "&after=1&prefix=k", "").await;
    let recording = tokio::spawn(async move {
        let mut recorded = Vec::new();
        loop {
            recorded.push(live.next().await.unwrap());
            let last: &Sent = recorded.last().unwrap();
            if last.data.contains("\"key\":\"last\"") {
                return recorded;
            }
        }
    });
    let upto = write_all(&server, 40).await + 1;
    server.ask("PUT", "/v1/last", &[], "v").await;
    let recorded = recording.await.unwrap();
    validate(&recorded, 1, upto);
    let names: BTreeSet<_> = recorded.iter().map(|sent| sent.name.as_str()).collect();
    assert!(["put", "delete", "expire"].iter().all(|name| names.contains(name)), "{names:?}");

    // What the events add up to is what there is.
    let mut state = BTreeMap::new();
    for (sent, event) in events(&recorded) {
        if sent.name == "put" {
            state.insert(event.key.0.clone(), (event.revision, event.value));
        } else {
            state.remove(&event.key.0);
        }
    }
    let mut list = server.client().list(ListOptions::default());
    let mut found = BTreeMap::new();
    while let Some(entry) = list.next().await.unwrap() {
        found.insert(entry.key.0, (entry.revision, entry.value));
    }
    found.remove(&b"first"[..]);
    assert_eq!(state, found);

    // A part of the keys is told as a part of the whole.
    let changes = |recorded: &[Sent]| events(recorded).map(|(sent, _)| sent.clone()).collect::<Vec<_>>();
    let part: Vec<_> =
        events(&recorded).filter(|(_, event)| event.key.0[0] == b'k').map(|(sent, _)| sent.clone()).collect();
    let upto_part = part.last().and_then(|sent| sent.id).unwrap();
    assert_eq!(changes(&record(&mut of_k, upto_part).await), part);
    // Resumable at any event and at any bookmark: what is told behind it is what was told behind it.
    for cut in (0..recorded.len()).step_by(recorded.len() / 40) {
        let seen = recorded[..cut].iter().rev().find_map(|sent| sent.id).unwrap_or(1);
        let rest: Vec<_> = events(&recorded)
            .filter(|(_, event)| event.revision > seen)
            .map(|(sent, _)| sent.clone())
            .collect();
        let mut again = Watching::start(address, "", &format!("Last-Event-ID: {seen}\r\n")).await;
        assert_eq!(changes(&record(&mut again, upto).await), rest, "behind {seen}");
    }
}

/// Nothing happens to the keys of a watch, and it still gets on: who comes back does not begin where he began.
#[tokio::test]
async fn a_quiet_watch_is_told_how_far_it_is() {
    let server = Running::start().await;
    let mut quiet = Watching::start(server.socket_addr(), "&after=0&prefix=quiet/", "").await;
    let upto = write_all(&server, 5).await;
    let (address, dir) = (server.address.to_string(), server.stop().await);
    let mut last = None;
    while let Some(sent) = quiet.next().await {
        assert_eq!(sent.name, "bookmark");
        last = sent.id;
    }
    assert_eq!(last, Some(upto));
    let server = Running::start_in(dir, "", &["--listen", &address]).await;
    let mut again = Watching::start(server.socket_addr(), &format!("&prefix=quiet/&after={upto}"), "").await;
    server.ask("PUT", "/v1/quiet/k", &[], "v").await;
    let told = again.changes(upto + 1).await;
    assert_eq!(told.len(), 1);
}

/// A watcher that does not read takes no memory: it is cut off, told so, and knows up to where it was told everything.
#[tokio::test]
async fn a_watcher_that_falls_behind_is_cut_off_behind_the_last_id_it_was_given() {
    let server = Running::start().await;
    // Some tens of MiB are made durable, on whatever disk there is.
    let client = server.client_builder().timeout(Duration::from_secs(300)).build().unwrap();
    let mut slow = Watching::start_with_little_room(server.socket_addr(), "&after=0").await;
    let value = vec![b'x'; 60 << 10];
    let mut upto = 0;
    // The sockets' buffers take some MiB, and the server's history one.
    for _ in 0..9 {
        let operations = (0..50).map(|number| Operation::put(format!("k{number}"), &value)).collect();
        let written = client.transact(&Transaction { operations, ..Transaction::default() }, None).await;
        upto = written.unwrap().revision;
    }
    let (mut recorded, mut ended) = (Vec::new(), None);
    while let Some(sent) = slow.next().await {
        assert!(ended.is_none(), "behind the end: {sent:?}");
        if sent.name == "error" {
            ended = Some(sent);
        } else {
            recorded.push(sent);
        }
    }
    let problem: kivi_api::Problem = serde_json::from_str(&ended.expect("it was not cut off").data).unwrap();
    assert_eq!(problem.kind, ProblemType::Gone);
    let last = recorded.iter().rev().find_map(|sent| sent.id).unwrap();
    assert!(last < upto);
    let told: Vec<u64> = events(&recorded)
        .filter(|(_, event)| event.revision <= last)
        .map(|(_, event)| event.revision)
        .collect();
    let expected: Vec<u64> = (1..=last).flat_map(|revision| vec![revision; 50]).collect();
    assert_eq!(told, expected, "up to the last id everything was told once");
    let again = server.ask("GET", &format!("/v1/?watch=true&after={last}"), &[], "").await;
    assert_eq!(crate::running::problem(&again).kind, ProblemType::Gone);
    // Begun again without a place, it is up to date.
    let mut anew = Watching::start(server.socket_addr(), "&keysOnly=true", "").await;
    let there = record(&mut anew, upto).await;
    assert_eq!(there.iter().filter(|sent| sent.name == "snapshot").count(), 50);
}
