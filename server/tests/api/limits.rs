//! Every limit, hit over HTTP: the status, the problem's type, and the setting's name in what is said.

use bytes::Bytes;
use http::Response;
use kivi_api::ProblemType;

use crate::raw::Raw;
use crate::running::{Running, problem};

/// What hits one limit.
struct Hit {
    /// The setting and its value.
    limit: (&'static str, u64),
    kind: ProblemType,
    /// Done first, each with success, on a connection that stays.
    before: Vec<String>,
    /// Whether the request comes on a connection of its own.
    apart: bool,
    request: String,
}

fn request(line: &str, fields: &str, body: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: kivi\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn put(key: &str, value: &str) -> String {
    request(&format!("PUT /v1/{key}"), "", value)
}

fn transaction(body: &str) -> String {
    request("POST /v1/", "Content-Type: application/json\r\n", body)
}

fn watch() -> String {
    request("GET /v1/?watch=true", "", "")
}

fn hits() -> Vec<Hit> {
    use ProblemType::{KeyTooLong, KeysFull, MemoryFull, Overloaded, RequestTooLarge, ValueTooLarge};
    let hit = |name, value, kind, request| Hit {
        limit: (name, value),
        kind,
        before: Vec::new(),
        apart: false,
        request,
    };
    let value = "x".repeat(1 << 20);
    vec![
        hit("keyBytes", 8, KeyTooLong, put(&"k".repeat(9), "v")),
        hit("valueBytes", 8, ValueTooLarge, put("k", "123456789")),
        hit(
            "valueBytes",
            8,
            ValueTooLarge,
            transaction(r#"{"operations":[{"put":{"key":"k","value":"123456789"}}]}"#),
        ),
        hit("requestBytes", 1024, RequestTooLarge, transaction(&" ".repeat(1025))),
        hit(
            "operations",
            1,
            RequestTooLarge,
            transaction(r#"{"operations":[{"delete":{"key":"a"}},{"delete":{"key":"b"}}]}"#),
        ),
        Hit { before: vec![put("a", "")], ..hit("keys", 1, KeysFull, put("b", "")) },
        Hit {
            before: (0..15).map(|key| put(&key.to_string(), &value)).collect(),
            ..hit("memory", 16 << 20, MemoryFull, put("15", &value))
        },
        Hit { before: vec![put("a", "")], apart: true, ..hit("connections", 1, Overloaded, put("b", "")) },
        Hit { before: vec![watch()], apart: true, ..hit("watchers", 1, Overloaded, watch()) },
    ]
}

async fn answer_to(hit: &Hit) -> (Running, Raw, Response<Bytes>) {
    let (name, value) = hit.limit;
    let server =
        Running::start_in(tempfile::tempdir().unwrap(), &format!("limits: {{{name}: {value}}}"), &[]).await;
    let mut first = server.raw().await;
    for before in &hit.before {
        first.send(before).await;
        let head = first.answer_head().await;
        assert!(head.starts_with("HTTP/1.1 20"), "{name}: {head}");
    }
    let mut second = if hit.apart { server.raw().await } else { first };
    second.send(&hit.request).await;
    let answer = second.answer().await;
    (server, second, answer)
}

#[test]
fn no_limit_is_left_out() {
    let defaults = serde_yaml::to_value(kivi_settings::LimitsSettings::default()).unwrap();
    let names = defaults.as_mapping().unwrap().keys().map(|name| name.as_str().unwrap().to_owned());
    let mut left: Vec<String> = names.chain(["keys", "watchers"].map(str::to_owned)).collect();
    left.retain(|name| hits().iter().all(|hit| hit.limit.0 != name));
    left.sort();
    // No request hits the one; the other has a test of its own.
    assert_eq!(left, ["idempotencyWindow", "requestHeadBytes"]);
}

#[tokio::test]
async fn each_limit_is_named_by_the_answer_to_what_hits_it() {
    for hit in hits() {
        let (_server, _connection, answer) = answer_to(&hit).await;
        let (name, value) = (format!("limits.{}", hit.limit.0), hit.limit.1);
        assert_eq!(answer.status(), hit.kind.status(), "{name}");
        let problem = problem(&answer);
        assert_eq!(problem.kind, hit.kind, "{name}");
        let limit = problem.limit.unwrap();
        assert_eq!((limit.name.as_ref(), limit.value), (name.as_str(), value));
        assert!(problem.detail.contains(&format!("({name})")), "{name}: {}", problem.detail);
        let later = hit.kind == ProblemType::Overloaded;
        assert_eq!(answer.headers().contains_key("retry-after"), later, "{name}");
    }
}

/// A head that is too large is refused before there is a request, so not always as a problem.
#[tokio::test]
async fn a_head_that_is_too_large_is_431_and_names_the_limit_if_it_says_anything() {
    for large in [
        format!("GET /v1/k HTTP/1.1\r\nHost: kivi\r\nX: {}\r\n\r\n", "x".repeat(9000)),
        format!("GET /v1/{} HTTP/1.1\r\nHost: kivi\r\n\r\n", "k".repeat(9000)),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = Running::start_in(dir, "limits: {requestHeadBytes: 8Ki}", &[]).await;
        let mut raw = server.raw().await;
        raw.send(large).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status(), 431);
        if !answer.body().is_empty() {
            assert_eq!(problem(&answer).limit.unwrap().name, "limits.requestHeadBytes");
        }
    }
}

#[tokio::test]
async fn watches_leave_connections_for_others() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start_in(dir, "limits: {connections: 4}", &[]).await;
    let mut watching = Vec::new();
    for _ in 0..2 {
        let mut raw = server.raw().await;
        raw.send(watch()).await;
        assert!(raw.answer_head().await.starts_with("HTTP/1.1 200"));
        watching.push(raw);
    }
    let mut other = server.raw().await;
    other.send(watch()).await;
    assert_eq!(problem(&other.answer().await).limit.unwrap().name, "limits.watchers");
    assert_eq!(other.ask("GET /v1/k").await.status(), 404, "the same connection serves what is no watch");
}
