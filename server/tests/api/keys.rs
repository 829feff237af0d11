//! Keys of any bytes, through the real HTTP server.

use kivi_api::{Precondition, key};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::running::{KEY_BYTES, Running};

/// Each key under its own value: if two keys were taken for one, a value would be lost.
#[test]
fn any_keys_are_told_apart_and_come_back() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Running::start());
    let client = server.client();
    // Separators, dots, percents and control characters, over and over.
    let odd = prop::sample::select(&b"/.%\0+ ?#\\\xff\x7fAa2Ff;:@"[..]);
    let key =
        prop_oneof![prop::collection::vec(odd, 1..6), prop::collection::vec(any::<u8>(), 1..=KEY_BYTES),];
    let keys = prop::collection::hash_set(key, 1..12);
    TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() })
        .run(&keys, |keys| {
            runtime.block_on(async {
                for key in &keys {
                    client.put(key, format!("{key:?}"), None, Precondition::None).await.unwrap();
                }
                for key in &keys {
                    let found = client.get(key).await.unwrap().map(|found| found.bytes);
                    prop_assert_eq!(found, Some(format!("{key:?}").into()));
                }
                Ok(())
            })
        })
        .unwrap();
    runtime.block_on(server.stop());
}

/// What proper clients would resolve, merge or decode on the way: sent byte for byte.
#[tokio::test]
async fn raw_paths_name_the_key_they_spell() {
    let server = Running::start().await;
    let (mut raw, client) = (server.raw().await, server.client());
    for (path, key) in [
        ("/v1/a/b", &b"a/b"[..]),
        ("/v1/a%2Fb", b"a/b"),
        ("/v1/a//b", b"a//b"),
        ("/v1//a", b"/a"),
        ("/v1/a/", b"a/"),
        ("/v1/.", b"."),
        ("/v1/..", b".."),
        ("/v1/../v1/a", b"../v1/a"),
        ("/v1/./a", b"./a"),
        ("/v1/%2e%2E/a", b"../a"),
        ("/v1/a%00b", b"a\0b"),
        ("/v1/a%252Fb", b"a%2Fb"),
        ("/v1/a+b", b"a+b"),
        ("/v1/%C3%A9", "é".as_bytes()),
        ("/v1/%FF", b"\xff"),
        ("http://kivi/v1/absolute", b"absolute"),
    ] {
        raw.send(format!(
            "PUT {path} HTTP/1.1\r\nHost: kivi\r\nContent-Length: {}\r\n\r\n{path}",
            path.len()
        ))
        .await;
        assert_eq!(raw.answer().await.status(), 201, "{path}");
        let found = client.get(key).await.unwrap().unwrap_or_else(|| panic!("{path} is not {key:?}"));
        assert_eq!(found.bytes, path, "{key:?}");
        assert_eq!(raw.ask(&format!("GET {}", key::to_path(key))).await.body(), path, "{key:?}");
    }
}
