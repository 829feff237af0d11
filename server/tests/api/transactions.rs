//! Transactions, times to live and repeated requests, over HTTP.

use bytes::Bytes;
use http::Response;
use kivi_api::ProblemType;

use crate::running::{Running, problem};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn post(server: &Running, fields: &[(&str, &str)], body: &str) -> Response<Bytes> {
    server.ask("POST", "/v1/", &[&[JSON], fields].concat(), body).await
}

#[tokio::test]
async fn operations_happen_as_one_and_tell_what_they_did() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/old", &[], "1").await;
    let answer = post(
        &server,
        &[],
        r#"{"conditions": [{"key": "old", "revisionIn": [1]}, {"key": "new%2F1", "exists": false}],
            "operations": [{"put": {"key": "new/1", "value": "ü", "mediaType": "text/plain"}},
                           {"put": {"key": "raw%FF", "valueBase64": "/wA=", "ttl": "1m"}},
                           {"delete": {"key": "old"}}, {"delete": {"key": "none"}}]}"#,
    )
    .await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(answer.headers()["kivi-revision"], "2");
    let results =
        r#"{"revision":2,"results":[{"created":true},{"created":true},{"deleted":true},{"deleted":false}]}"#;
    assert_eq!(answer.body(), results);
    let text = server.ask("GET", "/v1/new%2F1", &[], "").await;
    assert_eq!(
        (text.body().as_ref(), &text.headers()["content-type"]),
        ("ü".as_bytes(), &"text/plain".parse().unwrap())
    );
    let raw = server.ask("GET", "/v1/raw%FF", &[], "").await;
    assert_eq!((&raw.body()[..], &raw.headers()["etag"]), (&b"\xff\0"[..], &"\"2\"".parse().unwrap()));
    assert_eq!(server.ask("GET", "/v1/old", &[], "").await.status(), 404);
}

#[tokio::test]
async fn conditions_that_do_not_hold_are_named_and_nothing_happens() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/k", &[], "1").await;
    let asked = r#"{"conditions": [{"key": "k", "revisionNotIn": [7]}, {"key": "k", "exists": false}, {"key": "l", "exists": true}],
                    "operations": [{"put": {"key": "m", "value": ""}}]}"#;
    let answer = post(&server, &[], asked).await;
    let problem = problem(&answer);
    assert_eq!(problem.kind, ProblemType::PreconditionFailed);
    let failed: Vec<_> = problem
        .failed
        .iter()
        .map(|failed| (failed.index, &failed.key.0[..], failed.current_revision))
        .collect();
    assert_eq!(failed, [(1, &b"k"[..], Some(1)), (2, &b"l"[..], None)]);
    assert_eq!(server.ask("GET", "/v1/m", &[], "").await.status(), 404);
}

#[tokio::test]
async fn what_can_not_be_read_is_named_by_its_path_and_every_limit_by_its_name() {
    use ProblemType::{BadRequest, KeyTooLong, RequestTooLarge, ValueTooLarge};
    let server = Running::start().await;
    let put = |key: &str, value: &str| {
        format!(r#"{{"operations": [{{"put": {{"key": "{key}", "value": "{value}"}}}}]}}"#)
    };
    let many = format!(r#"{{"operations": [{}]}}"#, vec![r#"{"delete": {"key": "k"}}"#; 1001].join(","));
    let huge = put("k", &"x".repeat(4 << 20));
    for (body, kind, told) in [
        ("{".to_owned(), BadRequest, "EOF"),
        (r#"{"operation": []}"#.to_owned(), BadRequest, "operation"),
        (
            r#"{"operations": [{"put": {"key": "k", "value": "v", "color": 1}}]}"#.to_owned(),
            BadRequest,
            "`color`",
        ),
        (r#"{"operations": [{"put": {"key": "k"}}]}"#.to_owned(), BadRequest, "operation 0"),
        (
            r#"{"operations": [{"put": {"key": "k", "value": "", "ttl": "0"}}]}"#.to_owned(),
            BadRequest,
            "operations[0].put.ttl",
        ),
        (r#"{"operations": [{"delete": {"key": "100%"}}]}"#.to_owned(), BadRequest, "`%25`"),
        (r#"{"operations": [{"delete": {"key": ""}}]}"#.to_owned(), BadRequest, "empty"),
        (
            r#"{"operations": [{"delete": {"key": "k"}}, {"put": {"key": "k", "value": ""}}]}"#.to_owned(),
            BadRequest,
            "Operation 1",
        ),
        (r#"{"conditions": [{"key": "k"}]}"#.to_owned(), BadRequest, "condition 0"),
        ("{} {}".to_owned(), BadRequest, "trailing"),
        (put(&"k".repeat(101), ""), KeyTooLong, "limits.keyBytes"),
        (put("k", &"x".repeat((64 << 10) + 1)), ValueTooLarge, "limits.valueBytes"),
        (many, RequestTooLarge, "limits.operations"),
        (huge, RequestTooLarge, "limits.requestBytes"),
    ] {
        let answer = post(&server, &[], &body).await;
        let problem = problem(&answer);
        let asked: String = body.chars().take(60).collect();
        assert_eq!(problem.kind, kind, "{asked}: {}", problem.detail);
        assert!(problem.detail.contains(told), "{asked}: {}", problem.detail);
    }
}

#[tokio::test]
async fn a_time_to_live_is_told_while_it_lasts_and_gone_with_the_next_put() {
    let server = Running::start().await;
    assert_eq!(server.ask("PUT", "/v1/k", &[("kivi-ttl", "1m30s")], "v").await.status(), 201);
    let left = |answer: &Response<Bytes>| {
        answer.headers()["kivi-ttl"].to_str().unwrap().trim_end_matches("ms").parse::<u64>().unwrap()
    };
    for method in ["GET", "HEAD"] {
        let left = left(&server.ask(method, "/v1/k", &[], "").await);
        assert!((60_000..=90_000).contains(&left), "{left}");
    }
    server.ask("PUT", "/v1/k", &[], "v").await;
    assert!(!server.ask("GET", "/v1/k", &[], "").await.headers().contains_key("kivi-ttl"));
    server.ask("PUT", "/v1/short?ttl=20ms", &[], "v").await;
    while server.ask("GET", "/v1/short", &[], "").await.status() != 404 {}
    let created = server.ask("PUT", "/v1/short", &[("if-none-match", "*")], "again").await;
    assert_eq!(
        (created.status().as_u16(), &created.headers()["kivi-created"]),
        (201, &"true".parse().unwrap())
    );
}

#[tokio::test]
async fn a_request_that_is_repeated_under_its_name_is_done_once() {
    let server = Running::start().await;
    let name = ("idempotency-key", "\"8e03978e-40d5\"");
    let first = server.ask("PUT", "/v1/k", &[name], "one").await;
    assert!(!first.headers().contains_key("idempotency-replayed"));
    server.ask("PUT", "/v1/k", &[], "two").await;
    let again = server.ask("PUT", "/v1/k", &[name], "one").await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    for field in ["etag", "kivi-revision", "kivi-created"] {
        assert_eq!(again.headers()[field], first.headers()[field], "{field}");
    }
    for (path, fields, body) in [
        ("/v1/k", vec![name], "other"),
        ("/v1/l", vec![name], "one"),
        ("/v1/k?ttl=5", vec![name], "one"),
        ("/v1/k", vec![name, ("content-type", "text/plain")], "one"),
        ("/v1/k", vec![name, ("if-match", "*")], "one"),
    ] {
        let answer = server.ask("PUT", path, &fields, body).await;
        assert_eq!(problem(&answer).kind, ProblemType::IdempotencyKeyReused, "{path} {fields:?} {body}");
    }
    // Also across a restart, and for a transaction.
    let asked = r#"{"operations": [{"delete": {"key": "k"}}]}"#;
    let done = post(&server, &[("idempotency-key", "t")], asked).await;
    let server = Running::start_in(server.stop().await, "", &[]).await;
    assert_eq!(server.ask("PUT", "/v1/k", &[name], "one").await.headers()["idempotency-replayed"], "true");
    let repeated = post(&server, &[("idempotency-key", "t")], asked).await;
    assert_eq!(
        (repeated.body(), &repeated.headers()["idempotency-replayed"]),
        (done.body(), &"true".parse().unwrap())
    );
    assert_eq!(server.ask("GET", "/v1/k", &[], "").await.status(), 404, "nothing was written again");
}

/// Of transactions as of PUTs: what was refused is not remembered, another request of the name is 422, and behind its
/// window the name is free.
#[tokio::test]
async fn a_name_is_remembered_for_its_window_and_only_if_something_was_done() {
    let config = "limits: {idempotencyWindow: 1s}";
    let server = Running::start_in(tempfile::tempdir().unwrap(), config, &[]).await;
    let name = [("idempotency-key", "\"t\"")];
    let body = |value: &str| format!(r#"{{"operations": [{{"put": {{"key": "k", "value": "{value}"}}}}]}}"#);
    let impossible = r#"{"conditions": [{"key": "k", "exists": true}], "operations": []}"#;
    assert_eq!(post(&server, &name, impossible).await.status(), 412);
    let done = post(&server, &name, &body("one")).await;
    assert_eq!(done.status(), 200);
    assert!(!done.headers().contains_key("idempotency-replayed"), "412 is not remembered");
    let again = post(&server, &name, &body("one")).await;
    assert_eq!(
        (again.body(), &again.headers()["idempotency-replayed"]),
        (done.body(), &"true".parse().unwrap())
    );
    assert_eq!(again.headers()["kivi-revision"], done.headers()["kivi-revision"]);
    // The name is one for all kinds of requests.
    let put = server.ask("PUT", "/v1/k", &name, "one").await;
    assert_eq!(problem(&put).kind, ProblemType::IdempotencyKeyReused);
    let begun = std::time::Instant::now();
    let free = loop {
        let other = post(&server, &name, &body("other")).await;
        if other.status() == 200 {
            break other;
        }
        assert_eq!(problem(&other).kind, ProblemType::IdempotencyKeyReused);
        assert!(begun.elapsed().as_secs() < 30, "the window does not end");
    };
    assert!(!free.headers().contains_key("idempotency-replayed"));
    assert_eq!(server.ask("GET", "/v1/k", &[], "").await.body(), "other");
}
