//! Values that are too large: refused early, and in a way that the client can read the refusal.

use kivi_api::ProblemType;

use crate::raw::Raw;
use crate::running::{Running, VALUE_BYTES, problem};

fn assert_too_large(answer: &http::Response<bytes::Bytes>) {
    assert_eq!(answer.status(), 413);
    let problem = problem(answer);
    assert_eq!(problem.kind, ProblemType::ValueTooLarge);
    let limit = problem.limit.unwrap();
    assert_eq!((limit.name.as_ref(), limit.value), ("limits.valueBytes", 64 << 10));
}

async fn assert_absent(server: &Running) {
    assert_eq!(server.client().get(b"k").await.unwrap(), None);
}

fn head(fields: &str) -> String {
    format!("PUT /v1/k HTTP/1.1\r\nHost: kivi\r\n{fields}\r\n\r\n")
}

#[tokio::test]
async fn an_announced_length_is_refused_before_a_byte_is_sent() {
    let server = Running::start().await;
    let mut raw = server.raw().await;
    raw.send(head(&format!("Content-Length: {}", VALUE_BYTES + 1))).await;
    assert_too_large(&raw.answer().await);
    assert_absent(&server).await;
}

#[tokio::test]
async fn a_client_that_sends_all_before_it_reads_still_gets_the_answer() {
    let server = Running::start().await;
    let mut raw = server.raw().await;
    let length = 8 << 20;
    raw.send(head(&format!("Content-Length: {length}"))).await;
    raw.send(vec![0; length]).await;
    assert_too_large(&raw.answer().await);
    assert_eq!(raw.ask("GET /v1/k").await.status(), 404, "and the connection is usable");
}

#[tokio::test]
async fn a_chunked_body_is_cut_off_at_the_limit() {
    let server = Running::start().await;
    let mut raw = server.raw().await;
    raw.send(head("Transfer-Encoding: chunked")).await;
    let chunk = format!("{:x}\r\n{}\r\n", 32 << 10, "x".repeat(32 << 10));
    for _ in 0..3 {
        raw.send(&chunk).await;
    }
    // The upload has not ended, and the refusal is there.
    assert_too_large(&raw.answer().await);
    raw.send(&chunk).await;
    raw.send("0\r\n\r\n").await;
    assert_eq!(raw.ask("GET /v1/k").await.status(), 404, "the rest was read as the rest");
}

#[tokio::test]
async fn a_chunked_body_within_the_limit_is_a_value() {
    let server = Running::start().await;
    let mut raw = server.raw().await;
    raw.send(head("Transfer-Encoding: chunked")).await;
    raw.send("3\r\nabc\r\n4\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n").await;
    assert_eq!(raw.answer().await.status(), 201);
    assert_eq!(server.client().get(b"k").await.unwrap().unwrap().bytes, "abcdefg");
}

#[tokio::test]
async fn a_transfer_coding_besides_chunked_is_refused_and_not_stored() {
    let server = Running::start().await;
    let mut raw = server.raw().await;
    raw.send(head("Transfer-Encoding: gzip, chunked")).await;
    raw.send("3\r\nabc\r\n0\r\n\r\n").await;
    assert_eq!(problem(&raw.answer().await).kind, ProblemType::UnsupportedMediaType);
    assert_absent(&server).await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on_or_not_to() {
    let server = Running::start().await;
    let mut raw = server.raw().await;
    raw.send(head("Expect: 100-continue\r\nContent-Length: 5")).await;
    assert_eq!(raw.answer().await.status(), 100);
    raw.send("value").await;
    assert_eq!(raw.answer().await.status(), 201);

    let mut raw = server.raw().await;
    raw.send(head(&format!("Expect: 100-continue\r\nContent-Length: {}", VALUE_BYTES + 1))).await;
    assert_too_large(&raw.answer().await);
}

#[tokio::test]
async fn an_upload_without_permission_is_answered_too() {
    let tokens = tempfile::tempdir().unwrap();
    std::fs::write(tokens.path().join("token"), "sesame").unwrap();
    let server = Running::start_with(&["--tokens-dir", tokens.path().to_str().unwrap()]).await;
    let mut raw = server.raw().await;
    let length = 4 << 20;
    raw.send(head(&format!("Content-Length: {length}"))).await;
    raw.send(vec![0; length]).await;
    assert_eq!(problem(&raw.answer().await).kind, ProblemType::Unauthorized);
}

#[tokio::test]
async fn a_client_that_breaks_off_writes_nothing() {
    let server = Running::start().await;
    let mut raw: Raw = server.raw().await;
    raw.send(head("Content-Length: 10")).await;
    raw.send("half").await;
    drop(raw);
    let mut raw = server.raw().await;
    assert_eq!(raw.ask("GET /v1/k").await.status(), 404);
    server.stop().await;
}
