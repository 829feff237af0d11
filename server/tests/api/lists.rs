//! Lists: order, ranges, pages that show one revision, and the forms they come in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kivi_api::ProblemType;
use kivi_api::wire::{Entry, List, ListEnd, Operation, Transaction};

use crate::running::{Running, problem};

async fn list(server: &Running, query: &str) -> List {
    let answer = server.ask("GET", &format!("/v1/?{query}"), &[], "").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/json".parse().unwrap()),
        "{answer:?}"
    );
    let list: List = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer.headers()["kivi-revision"], list.revision.to_string());
    list
}

fn keys(list: &List) -> Vec<String> {
    list.entries.iter().map(|entry| String::from_utf8_lossy(&entry.key.0).into_owned()).collect()
}

async fn with(keys: &[&str]) -> Running {
    let server = Running::start().await;
    for key in keys {
        server.ask("PUT", &format!("/v1/{key}"), &[], &format!("value of {key}")).await;
    }
    server
}

#[tokio::test]
async fn a_list_is_in_the_order_of_bytes_within_its_range() {
    let server = with(&["b", "a/2", "a/10", "a", "c", "%FF", "a%00"]).await;
    for (query, expected) in [
        ("", &["a", "a\0", "a/10", "a/2", "b", "c", "\u{fffd}"][..]),
        ("reverse=true", &["\u{fffd}", "c", "b", "a/2", "a/10", "a\0", "a"]),
        ("prefix=a/", &["a/10", "a/2"]),
        ("prefix=a%2F", &["a/10", "a/2"]),
        ("start=a/2&end=c", &["a/2", "b"]),
        ("prefix=a&start=a/2", &["a/2"]),
        ("prefix=%FF", &["\u{fffd}"]),
        ("start=c&end=a", &[]),
        ("prefix=nothing", &[]),
    ] {
        assert_eq!(keys(&list(&server, query).await), expected, "{query}");
    }
}

#[tokio::test]
async fn entries_tell_what_a_get_tells() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/t?ttl=60", &[("content-type", "text/plain")], "grün").await;
    let raw = bytes::Bytes::from_static(b"\xff\0");
    server
        .client()
        .request(http::Method::PUT, "/v1/raw%FF", http::HeaderMap::new(), raw.clone())
        .await
        .unwrap();
    let list = list(&server, "").await;
    let [binary, text] = &list.entries[..] else { panic!("{:?}", list.entries) };
    assert_eq!(
        (&binary.key.0[..], binary.revision, binary.media_type.as_deref()),
        (&b"raw\xff"[..], 2, None)
    );
    assert_eq!(binary.value.clone().decode().unwrap(), raw);
    assert_eq!((text.value.value.as_deref(), text.media_type.as_deref()), (Some("grün"), Some("text/plain")));
    assert_eq!(text.expires_ms, Some(text.modified_ms + 60_000));
    let answer = server.ask("GET", "/v1/?keysOnly=true", &[], "").await;
    let body = std::str::from_utf8(answer.body()).unwrap();
    assert!(body.contains(r#""key":"raw%FF""#) && !body.contains("value"), "{body}");
}

#[tokio::test]
async fn pages_show_the_revision_of_the_first_whatever_is_written_meanwhile() {
    let names: Vec<String> = (0..25).map(|number| format!("k{number:02}")).collect();
    let server = with(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for reverse in ["", "&reverse=true"] {
        let mut expected = keys(&list(&server, reverse.trim_start_matches('&')).await);
        let first = list(&server, &format!("limit=10{reverse}")).await;
        server.ask("DELETE", &format!("/v1/{}", expected[12]), &[], "").await;
        server.ask("PUT", &format!("/v1/{}", expected[15]), &[], "changed").await;
        server.ask("PUT", "/v1/k121", &[], "new").await;
        let mut found = keys(&first);
        let mut cursor = first.cursor;
        while let Some(next) = cursor {
            let page = list(&server, &format!("limit=10{reverse}&cursor={next}")).await;
            assert_eq!(page.revision, first.revision);
            assert!(page.entries.iter().all(|entry| entry.revision <= first.revision));
            found.extend(keys(&page));
            cursor = page.cursor;
        }
        assert_eq!(found, expected);
        expected.remove(12);
        server.ask("DELETE", "/v1/k121", &[], "").await;
    }
}

#[tokio::test]
async fn a_page_that_holds_the_rest_has_no_cursor_and_large_values_end_one_early() {
    let server = with(&["a", "b", "c"]).await;
    assert_eq!(list(&server, "limit=3").await.cursor, None);
    assert!(list(&server, "limit=2").await.cursor.is_some());
    let value = "x".repeat(64 << 10);
    for number in 0..80 {
        server.ask("PUT", &format!("/v1/large/{number:02}"), &[], &value).await;
    }
    let page = list(&server, "prefix=large/&limit=1000").await;
    assert!((60..=70).contains(&page.entries.len()), "{}", page.entries.len());
    assert!(page.cursor.is_some());
    assert_eq!(list(&server, "prefix=large/").await.entries.len(), 80, "without a limit it is all of it");
}

#[tokio::test]
async fn lines_are_an_entry_each_with_the_end_at_the_end() {
    let server = with(&["a", "b", "c"]).await;
    let answer = server.ask("GET", "/v1/?limit=2", &[("accept", "application/x-ndjson")], "").await;
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let lines: Vec<&str> = std::str::from_utf8(answer.body()).unwrap().lines().collect();
    let entry: Entry = serde_json::from_str(lines[1]).unwrap();
    assert_eq!((lines.len(), &entry.key.0[..]), (3, &b"b"[..]));
    let end: ListEnd = serde_json::from_str(lines[2]).unwrap();
    assert_eq!(end.revision, 3);
    assert!(end.cursor.is_some());
}

#[tokio::test]
async fn a_cursor_from_before_a_restart_goes_on_and_one_of_another_store_does_not() {
    let server = with(&["a", "b", "c"]).await;
    let first = list(&server, "limit=2").await;
    let dir = server.stop().await;
    let server = Running::start_in(dir, "", &[]).await;
    let cursor = first.cursor.unwrap();
    assert_eq!(keys(&list(&server, &format!("limit=2&cursor={cursor}")).await), ["c"]);
    let other = Running::start().await;
    let answer = other.ask("GET", &format!("/v1/?cursor={cursor}"), &[], "").await;
    let problem = problem(&answer);
    assert_eq!(problem.kind, ProblemType::BadRequest);
    assert!(problem.detail.contains("yet to come"), "{}", problem.detail);
}

/// All pages are of one moment: each key has the value that it had then, whatever four writers do meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_of_one_moment_beside_writers() {
    // Room for a history that all pages of a list are done within, however fast the writers are.
    let server = Running::start_in(tempfile::tempdir().unwrap(), "", &[]).await;
    let write = |round: u32| {
        let operations = (0..12).map(|number| {
            let key = format!("k{number:02}");
            // A moment shows all of a round, or none of it.
            if round % 3 == 2 && number % 2 == 0 {
                Operation::delete(key)
            } else {
                Operation::put(key, round.to_string().as_bytes())
            }
        });
        Transaction { operations: operations.collect(), ..Transaction::default() }
    };
    server.client().transact(&write(0), None).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4_u32)
        .map(|writer| {
            let (client, over) = (server.client(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut round = writer;
                while !over.load(Ordering::Relaxed) {
                    client.transact(&write(round), None).await.unwrap();
                    round += 4;
                }
            })
        })
        .collect();
    let mut revisions = BTreeSet::new();
    for page in [1, 3, 5].repeat(4) {
        let mut cursor = String::new();
        let (mut rounds, mut found, mut shown) = (BTreeSet::new(), 0, BTreeSet::new());
        loop {
            let page = list(&server, &format!("prefix=k&limit={page}{cursor}")).await;
            found += page.entries.len();
            shown.insert(page.revision);
            rounds.extend(page.entries.iter().map(|entry| (entry.revision, entry.value.value.clone())));
            match page.cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((shown.len(), rounds.len()), (1, 1), "{shown:?} {rounds:?}");
        let round: u32 = rounds.first().unwrap().1.as_deref().unwrap().parse().unwrap();
        assert_eq!(found, if round % 3 == 2 { 6 } else { 12 });
        revisions.extend(shown);
    }
    assert!(revisions.len() > 1, "nothing was written meanwhile");
    over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_cursor_of_a_moment_that_is_no_longer_known_is_410() {
    let server = with(&["a", "b"]).await;
    let first = list(&server, "limit=1").await;
    let value = "x".repeat(60 << 10);
    for _ in 0..40 {
        server.ask("PUT", "/v1/a", &[], &value).await;
    }
    let cursor = first.cursor.unwrap();
    let gone = server.ask("GET", &format!("/v1/?limit=1&cursor={cursor}"), &[], "").await;
    assert_eq!(problem(&gone).kind, ProblemType::Gone);
}
