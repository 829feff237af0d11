//! HEAD answers with the fields of GET (RFC 9110 section 9.3.2), for every kind of answer.

use std::collections::BTreeMap;

use kivi_api::ProblemType;

use crate::raw::Raw;
use crate::running::Running;

/// Fields that two answers of the same thing may differ in, or that only a body has.
const PASSING: [&str; 3] = ["date", "kivi-ttl", "transfer-encoding"];

async fn fields(raw: &mut Raw, method: &str, path: &str, field: &str) -> (u16, BTreeMap<String, String>) {
    raw.send(format!("{method} {path} HTTP/1.1\r\nHost: kivi\r\n{field}\r\n")).await;
    let head = raw.answer_head().await;
    let (head, body) = head.split_once("\r\n\r\n").unwrap();
    assert!(method != "HEAD" || body.is_empty(), "{path} {field}: {body}");
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let fields = lines.map(|line| line.split_once(": ").unwrap());
    (status, fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect())
}

#[tokio::test]
async fn head_has_the_status_and_the_fields_of_get() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/k?ttl=1h", &[("content-type", "text/plain")], "value").await;
    server.ask("PUT", "/v1/empty", &[], "").await;
    let long = format!("/v1/{}", "x".repeat(101));
    for (path, field, status) in [
        ("/v1/k", "", 200),
        ("/v1/empty", "", 200),
        ("/v1/k", "If-None-Match: \"1\"\r\n", 304),
        ("/v1/k", "If-Match: \"7\"\r\n", 412),
        ("/v1/k", "If-Match: 7\r\n", 400),
        ("/v1/absent", "", 404),
        ("/v1/%zz", "", 400),
        (&long, "", 414),
        ("/elsewhere", "", 404),
        ("/v1/", "", 200),
        ("/v1/", "Accept: application/x-ndjson\r\n", 200),
        ("/v1/?limit=0", "", 400),
        ("/v1/?watch=true&after=1", "", 200),
        ("/openapi.json", "", 200),
        ("/openapi.json", "If-None-Match: *\r\n", 304),
    ] {
        // Of a stream that does not end, only a head comes: each has a connection of its own.
        let (got_status, mut got) = fields(&mut server.raw().await, "GET", path, field).await;
        let (head_status, mut head) = fields(&mut server.raw().await, "HEAD", path, field).await;
        assert_eq!((got_status, head_status), (status, status), "{path} {field}");
        assert_eq!(got.contains_key("kivi-ttl"), head.contains_key("kivi-ttl"), "{path} {field}");
        for passing in PASSING {
            got.remove(passing);
            head.remove(passing);
        }
        assert_eq!(head, got, "{path} {field}");
    }
}

/// What a problem says of itself does not depend on whether its body is sent.
#[tokio::test]
async fn a_problem_has_the_length_that_its_body_would_have() {
    let server = Running::start().await;
    let got = server.ask("GET", "/v1/absent", &[], "").await;
    assert_eq!(crate::running::problem(&got).kind, ProblemType::NotFound);
    let head = server.raw().await.ask("HEAD /v1/absent").await;
    assert_eq!(head.headers()["content-length"], got.body().len().to_string());
}
