//! Keys of any bytes in lists, watches and transactions, as bytes on a raw socket: what a proper client would resolve,
//! merge or decode on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;

use kivi_api::wire::{Event, KeyText, List, Operation, Transaction};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::running::{KEY_BYTES, Running};
use crate::watches::Watching;

/// How bytes are spelled in a query.
#[derive(Debug, Clone, Copy)]
enum Spelling {
    /// Every byte as `%` and two digits.
    Upper,
    Lower,
    /// Only what a query can't hold as it is.
    Plain,
}

impl Spelling {
    fn spell(self, bytes: &[u8]) -> String {
        let mut text = String::new();
        for &byte in bytes {
            let plain = byte.is_ascii_alphanumeric() || b"/.?:@!$'()*+,;=-_~\\".contains(&byte);
            match self {
                Self::Plain if plain => text.push(char::from(byte)),
                Self::Lower => write!(text, "%{byte:02x}").unwrap(),
                Self::Upper | Self::Plain => write!(text, "%{byte:02X}").unwrap(),
            }
        }
        text
    }
}

/// The body of the answer to one GET by HTTP/1.0, which ends with the connection.
async fn get(address: SocketAddr, target: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"),
        "{target}: {answer:?}"
    );
    answer.split_off(head + 4)
}

/// The keys of a list, through all its pages.
async fn list(address: SocketAddr, query: &str, limit: Option<usize>) -> Vec<Vec<u8>> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    let limit = limit.map_or_else(String::new, |limit| format!("&limit={limit}"));
    loop {
        let body = get(address, &format!("/v1/?{query}{limit}{cursor}")).await;
        let page: List = serde_json::from_slice(&body).unwrap();
        found.extend(page.entries.into_iter().map(|entry| entry.key.0));
        match page.cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[derive(Debug, Clone)]
struct Case {
    keys: BTreeSet<Vec<u8>>,
    /// A bound is a key of the set, or a part of one, or neither.
    prefix: (Index, usize),
    start: (Index, Vec<u8>),
    end: Option<Vec<u8>>,
    reverse: bool,
    limit: Option<usize>,
    spelling: Spelling,
}

fn cases() -> impl Strategy<Value = Case> {
    let odd = || {
        prop_oneof![
            prop::collection::vec(select(&b"/.%\0+ ?#&=\\\xff\x7f\xc3A2Ff;:@\"\n"[..]), 1..5),
            select(vec![&b".."[..], b".", b"//", b"/", b"%2F", b"%00", b"\xc3\xa9", b"\xff\xff"])
                .prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 1..=KEY_BYTES),
        ]
    };
    let spelling = select(&[Spelling::Upper, Spelling::Lower, Spelling::Plain][..]);
    (
        prop::collection::btree_set(odd(), 1..12),
        (any::<Index>(), 0..4_usize),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 0..2)),
        prop::option::of(odd()),
        any::<bool>(),
        prop::option::of(1..5_usize),
        spelling,
    )
        .prop_map(|(keys, prefix, start, end, reverse, limit, spelling)| Case {
            keys,
            prefix,
            start,
            end,
            reverse,
            limit,
            spelling,
        })
}

/// Writes the keys by one transaction, lists a range of them and watches it, then removes them all.
async fn run(server: &Running, case: &Case) -> Result<(), TestCaseError> {
    let (client, address) = (server.client(), server.socket_addr());
    let keys: Vec<&Vec<u8>> = case.keys.iter().collect();
    let prefix = case.prefix.0.get(&keys);
    let prefix = &prefix[..case.prefix.1.min(prefix.len())];
    let start = [&case.start.0.get(&keys)[..], &case.start.1].concat();
    let within = |key: &[u8], start: &[u8]| {
        key.starts_with(prefix) && key >= start && case.end.as_ref().is_none_or(|end| key < &end[..])
    };

    let value = |key: &[u8]| format!("{key:?}");
    let puts = keys.iter().map(|key| Operation::put((*key).clone(), value(key).as_bytes())).collect();
    let puts = Transaction { operations: puts, ..Transaction::default() };
    let revision = client.transact(&puts, None).await.unwrap().revision;

    let spell = |bytes: &[u8]| case.spelling.spell(bytes);
    let end = case.end.as_ref().map_or_else(String::new, |end| format!("&end={}", spell(end)));
    let range = format!("prefix={}&start={}{end}", spell(prefix), spell(&start));
    let mut expected: Vec<Vec<u8>> = case.keys.iter().filter(|key| within(key, &start)).cloned().collect();
    if case.reverse {
        expected.reverse();
    }
    let query = format!("{range}&reverse={}", case.reverse);
    prop_assert_eq!(list(address, &query, case.limit).await, expected, "{}", query);

    // Of a transaction that removes them all, the watch tells those of its range, each under its own key.
    let deletes = keys.iter().map(|key| Operation::delete((*key).clone())).collect();
    let deletes = Transaction { operations: deletes, ..Transaction::default() };
    let removed = client.transact(&deletes, None).await.unwrap().revision;
    let range = format!("&prefix={}{end}", spell(prefix));
    let mut watching = Watching::start(address, &format!("{range}&after={}", revision - 1), "").await;
    let told = watching.changes(removed).await;
    let mut seen: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for (sent, Event { key: KeyText(key), value: written, .. }) in told {
        if let Ok(written) = written.decode() {
            prop_assert_eq!(written, value(&key));
        }
        seen.entry(key).or_default().push(sent.name);
    }
    let expected: BTreeMap<Vec<u8>, Vec<String>> = case
        .keys
        .iter()
        .filter(|key| within(key, b""))
        .map(|key| (key.clone(), vec!["put".to_owned(), "delete".to_owned()]))
        .collect();
    prop_assert_eq!(seen, expected, "{}", range);
    prop_assert!(list(address, "", None).await.is_empty());
    Ok(())
}

#[test]
fn any_keys_and_bounds_mean_the_same_in_lists_watches_and_transactions() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Running::start());
    TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() })
        .run(&cases(), |case| runtime.block_on(run(&server, &case)))
        .unwrap();
    runtime.block_on(server.stop());
}

/// The text of a key in JSON, with every escape that JSON has, is the key that it spells.
#[tokio::test]
async fn a_transaction_names_the_keys_that_its_text_spells() {
    let server = Running::start().await;
    for (text, key) in [
        ("a/b", &b"a/b"[..]),
        ("a%2Fb", b"a/b"),
        ("a%252Fb", b"a%2Fb"),
        ("..", b".."),
        ("//", b"//"),
        ("%00", b"\0"),
        (r"\u0000", b"\0"),
        ("%ff%FE", b"\xff\xfe"),
        (r"\u00e9", "é".as_bytes()),
        ("%C3%A9", "é".as_bytes()),
        (r"\ud83d\ude00", "😀".as_bytes()),
        ("a+b c", b"a+b c"),
        (r#"\"\\\/"#, b"\"\\/"),
    ] {
        let body = format!(r#"{{"operations": [{{"put": {{"key": "{text}", "value": ""}}}}]}}"#);
        let answer = server.ask("POST", "/v1/", &[("content-type", "application/json")], &body).await;
        assert_eq!(answer.status(), 200, "{text}: {answer:?}");
        assert_eq!(list(server.socket_addr(), "keysOnly=true", None).await, [key], "{text}");
        server.client().delete(key, kivi_api::Precondition::None).await.unwrap();
    }
    for text in [r"\ud800", "%", "%zz", "50%", ""] {
        let body = format!(r#"{{"operations": [{{"delete": {{"key": "{text}"}}}}]}}"#);
        let answer = server.ask("POST", "/v1/", &[("content-type", "application/json")], &body).await;
        assert_eq!(answer.status(), 400, "{text}");
    }
}
