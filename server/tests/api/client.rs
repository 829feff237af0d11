//! The Rust client, call by call, against the real server.

use std::time::Duration;

use kivi_api::client::{KeyRange, ListOptions, PutOptions, Watch, WatchEvent, WatchOptions};
use kivi_api::wire::{Condition, Operation, Outcome, Transaction};
use kivi_api::{Client, ClientError, Precondition, ProblemType};

use crate::running::Running;

async fn put(client: &Client, key: &[u8]) -> u64 {
    client.put(key, "v", None, Precondition::None).await.unwrap().revision
}

#[tokio::test]
async fn a_put_has_a_time_to_live_and_is_done_once_under_its_name() {
    let server = Running::start().await;
    let client = server.client();
    let options = PutOptions {
        ttl: Some(Duration::from_secs(3600)),
        idempotency_key: Some("a \"name\"".to_owned()),
        ..PutOptions::default()
    };
    let written = client.put_with(b"k", "v", &options).await.unwrap();
    let again = client.put_with(b"k", "v", &options).await.unwrap();
    assert_eq!((written.replayed, again.replayed, again.revision), (false, true, written.revision));
    let left = client.head(b"k").await.unwrap().unwrap().ttl.unwrap();
    assert!((Duration::from_secs(3000)..=Duration::from_secs(3600)).contains(&left), "{left:?}");
    let other = client.put_with(b"k", "other", &options).await.unwrap_err();
    assert_eq!(other.problem().unwrap().kind, ProblemType::IdempotencyKeyReused);
    put(&client, b"k").await;
    assert_eq!(client.get(b"k").await.unwrap().unwrap().metadata.ttl, None);
}

#[tokio::test]
async fn a_list_goes_through_all_pages_of_one_revision() {
    let server = Running::start().await;
    let client = server.client();
    let keys: Vec<Vec<u8>> =
        (0..25_u8).map(|number| [b"/\xff%"[..].to_vec(), vec![number]].concat()).collect();
    for key in keys.iter().chain([&b"/".to_vec(), &b"0".to_vec()]) {
        put(&client, key).await;
    }
    for (reverse, page) in [(false, Some(10)), (true, Some(5)), (false, None)] {
        let range = KeyRange::prefix(*b"/\xff%");
        let mut list = client.list(ListOptions { range, reverse, page, keys_only: true });
        let mut found = Vec::new();
        while let Some(entry) = list.next().await.unwrap() {
            assert!(entry.value.value.is_none());
            put(&client, b"/\xff%\xff").await;
            client.delete(b"/\xff%\xff", Precondition::None).await.unwrap();
            found.push(entry.key.0);
        }
        if reverse {
            found.reverse();
        }
        assert_eq!(found, keys);
        assert!(list.next().await.unwrap().is_none());
    }
    let range = KeyRange { start: Some(vec![b'/', 0xff]), end: Some(keys[3].clone()), ..KeyRange::default() };
    let mut list = client.list(ListOptions { range, ..ListOptions::default() });
    let page = list.next_page().await.unwrap().unwrap();
    assert_eq!(page.iter().map(|entry| entry.key.0.clone()).collect::<Vec<_>>(), keys[..3]);
    assert_eq!(page[0].value.clone().decode().unwrap(), "v");
    assert!(list.next_page().await.unwrap().is_none());
    assert!(list.revision().unwrap() >= page[2].revision);
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing_and_done_once_under_its_name() {
    let server = Running::start().await;
    let client = server.client();
    let revision = put(&client, b"\xff").await;
    let transaction = Transaction {
        conditions: vec![Condition::revision(*b"\xff", revision), Condition::absent("new")],
        operations: vec![Operation::put("new", b"\x00\xff"), Operation::delete(*b"\xff")],
    };
    let done = client.transact(&transaction, Some("t")).await.unwrap();
    assert_eq!((done.revision, done.replayed), (revision + 1, false));
    assert_eq!(done.results, [Outcome::Created(true), Outcome::Deleted(true)]);
    assert_eq!(client.get(b"new").await.unwrap().unwrap().bytes, &b"\x00\xff"[..]);
    let again = client.transact(&transaction, Some("t")).await.unwrap();
    assert_eq!((again.replayed, again.results), (true, done.results));
    let refused = client.transact(&transaction, None).await.unwrap_err();
    let failed = &refused.problem().unwrap().failed;
    assert_eq!(failed.iter().map(|failed| failed.current_revision).collect::<Vec<_>>(), [None, Some(2)]);
    let exists = Transaction { conditions: vec![Condition::exists("none")], operations: Vec::new() };
    assert_eq!(client.transact(&exists, None).await.unwrap_err().status().unwrap(), 412);
}

async fn until(watch: &mut Watch, revision: u64) -> Vec<WatchEvent> {
    let mut events = Vec::new();
    while watch.resume() != Some(revision) {
        events.push(watch.next().await.unwrap());
    }
    events.retain(|event| !matches!(event, WatchEvent::Bookmark(_)));
    events
}

#[tokio::test]
async fn a_watch_goes_on_behind_a_restart_of_the_server_and_misses_nothing() {
    let server = Running::start().await;
    let (client, address) = (server.client(), server.address.to_string());
    put(&client, b"\xff/before").await;
    let options = WatchOptions { range: KeyRange::prefix(*b"\xff"), ..WatchOptions::default() };
    let mut watch = client.watch(options.clone());
    let WatchEvent::Snapshot(entry) = watch.next().await.unwrap() else { panic!("no snapshot") };
    assert_eq!((&entry.key.0[..], watch.resume()), (&b"\xff/before"[..], None));
    assert_eq!(watch.next().await.unwrap(), WatchEvent::Bookmark(1));
    put(&client, b"elsewhere").await;
    put(&client, b"\xff/first").await;
    let WatchEvent::Put(event) = watch.next().await.unwrap() else { panic!("no put") };
    assert_eq!((&event.key.0[..], watch.resume()), (&b"\xff/first"[..], Some(3)));

    let server = Running::start_in(server.stop().await, "", &["--listen", &address]).await;
    let all: Vec<_> =
        ["\u{0}", "/", "."].map(|key| Operation::put([b"\xff", key.as_bytes()].concat(), b"")).into();
    let done =
        client.transact(&Transaction { operations: all, ..Transaction::default() }, None).await.unwrap();
    client.delete(b"\xff/first", Precondition::None).await.unwrap();
    let told = until(&mut watch, done.revision + 1).await;
    let keys: Vec<_> = told
        .iter()
        .map(|event| match event {
            WatchEvent::Put(event) | WatchEvent::Delete(event) => (event.revision, event.key.0.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let put = |key: &[u8]| (done.revision, key.to_vec());
    assert_eq!(
        keys,
        [put(b"\xff\0"), put(b"\xff/"), put(b"\xff."), (done.revision + 1, b"\xff/first".to_vec())]
    );
    // And whoever begins where another one was.
    let mut other = client.watch(WatchOptions { after: Some(3), ..options });
    assert_eq!(until(&mut other, done.revision + 1).await, told);
    server.stop().await;
}

#[tokio::test]
async fn a_watch_that_can_not_go_on_says_so() {
    let server = Running::start().await;
    let client = server.client();
    for _ in 0..40 {
        client.put(b"k", vec![b'x'; 60 << 10], None, Precondition::None).await.unwrap();
    }
    let mut watch = client.watch(WatchOptions { after: Some(1), ..WatchOptions::default() });
    let gone = watch.next().await.unwrap_err();
    assert_eq!(gone.problem().unwrap().kind, ProblemType::Gone);
    let mut list = client.list(ListOptions { page: Some(0), ..ListOptions::default() });
    assert_eq!(list.next().await.unwrap_err().status().unwrap(), 400);
    let nobody = Client::builder("http://127.0.0.1:1").build().unwrap();
    let refused = nobody.watch(WatchOptions::default()).next().await.unwrap_err();
    assert!(matches!(refused, ClientError::Transport { .. }), "{refused}");
}
