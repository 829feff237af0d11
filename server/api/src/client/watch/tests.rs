//! Streams that are cut where a real server is hard to make cut them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that answers each request with the next of these bodies, and then ends the connection; tells the paths.
async fn server(bodies: Vec<String>) -> (Client, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::builder(&format!("http://{}", listener.local_addr().unwrap())).build().unwrap();
    let paths = tokio::spawn(async move {
        let mut paths = Vec::new();
        for body in bodies {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            while !read.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut read).await.unwrap();
            }
            let head = String::from_utf8(read).unwrap();
            paths.push(head.split(' ').nth(1).unwrap().to_owned());
            let answer = format!("HTTP/1.1 {body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        paths
    });
    (client, paths)
}

fn stream(events: &[String]) -> String {
    format!("200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n{}", events.concat())
}

fn put(revision: u64, key: &str, is_last: bool) -> String {
    let id = if is_last { format!("id: {revision}\n") } else { String::new() };
    format!(
        "event: put\n{id}data: {{\"revision\":{revision},\"key\":\"{key}\",\"modifiedMs\":0,\"previousRevision\":null}}\n\n"
    )
}

async fn keys(watch: &mut Watch, count: usize) -> Vec<String> {
    let mut keys = Vec::new();
    for _ in 0..count {
        let WatchEvent::Put(event) = watch.next().await.unwrap() else { panic!("no put") };
        keys.push(String::from_utf8(event.key.0).unwrap());
    }
    keys
}

fn behind(after: u64) -> WatchOptions {
    WatchOptions { after: Some(after), ..WatchOptions::default() }
}

#[tokio::test]
async fn what_is_cut_within_a_revision_comes_once_and_whole() {
    let unavailable =
        "503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}".to_owned();
    let (client, paths) = server(vec![
        stream(&[
            put(5, "a", true),
            put(6, "b", false),
            put(6, "c", false),
            "event: put\ndata: {".to_owned(),
        ]),
        unavailable,
        stream(&[put(6, "b", false), put(6, "c", false), put(6, "d", true)]),
    ])
    .await;
    let mut watch = client.watch(behind(4));
    assert_eq!(keys(&mut watch, 2).await, ["a", "b"]);
    assert_eq!(watch.resume(), Some(5), "of revision 6, not all is given out");
    assert_eq!(keys(&mut watch, 2).await, ["c", "d"]);
    assert_eq!(watch.resume(), Some(6));
    let from = |after| format!("/v1/?watch=true&after={after}");
    assert_eq!(paths.await.unwrap(), [from(4), from(5), from(5)]);
}

#[tokio::test]
async fn an_error_comes_behind_what_was_sent_before_it() {
    let gone =
        r#"{"type":"https://kivi.dev/problems/gone","title":"Gone","status":410,"detail":"Too late."}"#;
    let body = stream(&[put(5, "a", true), format!("event: error\ndata: {gone}\n\n")]);
    let (client, _) = server(vec![body]).await;
    let mut watch = client.watch(behind(4));
    assert_eq!(keys(&mut watch, 1).await, ["a"]);
    assert_eq!(watch.next().await.unwrap_err().status(), Some(StatusCode::GONE));
}

#[tokio::test]
async fn a_snapshot_that_is_cut_is_an_error_and_begins_again() {
    let snapshot =
        |key| format!("event: snapshot\ndata: {{\"key\":\"{key}\",\"revision\":1,\"modifiedMs\":0}}\n\n");
    let bookmark = "event: bookmark\nid: 7\ndata: {\"revision\":7}\n\n".to_owned();
    let (client, paths) =
        server(vec![stream(&[snapshot("a")]), stream(&[snapshot("a"), snapshot("b"), bookmark])]).await;
    let mut watch = client.watch(WatchOptions::default());
    assert!(matches!(watch.next().await.unwrap(), WatchEvent::Snapshot(_)));
    assert!(matches!(watch.next().await.unwrap_err(), ClientError::Transport { .. }));
    for key in [b"a", b"b"] {
        let WatchEvent::Snapshot(entry) = watch.next().await.unwrap() else { panic!("no snapshot") };
        assert_eq!(entry.key.0, key);
    }
    assert_eq!(watch.next().await.unwrap(), WatchEvent::Bookmark(7));
    assert_eq!(paths.await.unwrap(), ["/v1/?watch=true", "/v1/?watch=true"]);
}

#[tokio::test]
async fn what_is_no_stream_of_events_is_not_taken_for_one() {
    let (client, _) =
        server(vec!["200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi".to_owned()]).await;
    let error = client.watch(behind(4)).next().await.unwrap_err();
    assert!(matches!(error, ClientError::Answer { field: "Content-Type" }), "{error}");
}
