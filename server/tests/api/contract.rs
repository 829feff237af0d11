//! Every documented answer that a server alone can be made to give, and that it is given as documented.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use kivi_api::wire::{Operation, Transaction};

use crate::copies::restored;
use crate::document::Document;
use crate::running::{KEY_BYTES, Running, VALUE_BYTES, fields_of};
use crate::watches::Watching;

const JSON: (&str, &str) = ("content-type", "application/json");
const PUT_K: &str = r#"{"operations": [{"put": {"key": "k", "value": "v"}}]}"#;

/// Asks, and holds the answer against the document.
async fn ask(
    server: &Running,
    document: &mut Document,
    asked: (&str, &str, &[(&str, &str)], &str),
    status: u16,
) -> Response<Bytes> {
    let (method, path, fields, body) = asked;
    let answer = server.ask(method, path, fields, body).await;
    assert_eq!(answer.status(), status, "{method} {path} {fields:?}: {answer:?}");
    document.check(&method.parse().unwrap(), path, &answer);
    answer
}

#[tokio::test]
async fn each_answer_that_can_be_provoked_is_documented_and_the_rest_is_known() {
    let server = Running::start().await;
    let document = &mut Document::of(&server).await;
    values(&server, document).await;
    keys(&server, document).await;
    transactions(&server, document).await;
    copies(&server, document).await;
    itself(&server, document).await;
    in_flight(&server, document).await;
    full(document).await;
    without_a_token(document).await;
    beyond_the_head(document).await;
    without_a_connection(document).await;

    let elsewhere: BTreeSet<(String, u16)> = document
        .operations()
        .into_iter()
        // The sidecar's own, and faults that no request causes.
        .flat_map(|id| [429, 500, 502, 504].map(|status| (id.clone(), status)))
        // A client that stands still for 30 seconds; writers that are faster 16 times; a disk that is full.
        .chain([("putValue", 408), ("transact", 408), ("deleteValue", 409), ("deleteValue", 507)].map(owned))
        .collect();
    assert_eq!(document.unseen(), elsewhere);
}

fn owned((id, status): (&str, u16)) -> (String, u16) {
    (id.to_owned(), status)
}

async fn values(server: &Running, document: &mut Document) {
    let long = format!("/v1/{}", "x".repeat(KEY_BYTES + 1));
    let large = "x".repeat(VALUE_BYTES + 1);
    let text = ("content-type", "text/plain");
    ask(server, document, ("PUT", "/v1/k", &[text, ("kivi-ttl", "1h")], "value"), 201).await;
    let name = ("idempotency-key", "\"one\"");
    for (body, status) in [("v", 201), ("v", 201), ("other", 422)] {
        ask(server, document, ("PUT", "/v1/named", &[name], body), status).await;
    }
    for method in ["GET", "HEAD"] {
        for (path, field, status) in [
            ("/v1/k", None, 200),
            ("/v1/named", None, 200),
            ("/v1/k", Some(("if-none-match", "\"1\"")), 304),
            ("/v1/k", Some(("if-match", "\"9\"")), 412),
            ("/v1/k", Some(("if-match", "9")), 400),
            ("/v1/%zz", None, 400),
            ("/v1/k?color=red", None, 400),
            ("/v1/absent", None, 404),
            (&long, None, 414),
        ] {
            let fields: Vec<_> = field.into_iter().collect();
            ask(server, document, (method, path, &fields, ""), status).await;
        }
    }
    ask(server, document, ("GET", "/v1/k", &[("range", "bytes=1-2")], ""), 206).await;
    ask(server, document, ("GET", "/v1/k", &[("range", "bytes=5-")], ""), 416).await;
    for (path, fields, body, status) in [
        ("/v1/k", &[("if-none-match", "*")][..], "v", 412),
        ("/v1/k", &[("kivi-ttl", "soon")], "v", 400),
        ("/v1/k", &[], &large, 413),
        ("/v1/k", &[("content-encoding", "gzip")], "v", 415),
        (&long, &[], "v", 414),
    ] {
        ask(server, document, ("PUT", path, fields, body), status).await;
    }
    for (path, fields, status) in [
        ("/v1/k", &[("if-match", "\"9\"")][..], 412),
        ("/v1/k?ttl=1", &[], 400),
        (&long, &[], 414),
        ("/v1/k", &[], 200),
        ("/v1/k", &[], 200),
    ] {
        ask(server, document, ("DELETE", path, fields, ""), status).await;
    }
}

async fn keys(server: &Running, document: &mut Document) {
    for key in ["a", "raw%FF", "t?ttl=1h"] {
        ask(server, document, ("PUT", &format!("/v1/{key}"), &[], "\u{0}v"), 201).await;
    }
    for method in ["GET", "HEAD"] {
        for (query, status) in [
            ("", 200),
            ("?keysOnly=true&reverse=true&limit=1", 200),
            ("?prefix=raw%FF&start=a&end=z", 200),
            ("?limit=0", 400),
            ("?after=1", 400),
        ] {
            ask(server, document, (method, &format!("/v1/{query}"), &[], ""), status).await;
        }
    }
    let lines = ("accept", "application/x-ndjson");
    ask(server, document, ("GET", "/v1/?limit=2", &[lines], ""), 200).await;
    let mut watching = Watching::start(server.socket_addr(), "", "").await;
    ask(server, document, ("DELETE", "/v1/a", &[], ""), 200).await;
    ask(server, document, ("PUT", "/v1/a?ttl=20ms", &[], "short"), 201).await;
    let mut names = BTreeSet::new();
    while !names.contains("expire") {
        let sent = watching.next().await.unwrap();
        document.check_event(&sent.name, sent.id, &sent.data);
        names.insert(sent.name);
    }
    assert!(["snapshot", "bookmark", "put", "delete"].iter().all(|name| names.contains(*name)), "{names:?}");
    // More changes than the history keeps.
    let value = "x".repeat(60 << 10);
    for _ in 0..40 {
        server.ask("PUT", "/v1/k", &[], &value).await;
    }
    for method in ["GET", "HEAD"] {
        ask(server, document, (method, "/v1/?watch=true&after=1", &[], ""), 410).await;
    }
}

async fn transactions(server: &Running, document: &mut Document) {
    let name = ("idempotency-key", "transaction");
    let put = |key: &str, value: &str| {
        let operations = vec![Operation::put(key, value.as_bytes()), Operation::delete("gone")];
        serde_json::to_string(&Transaction { conditions: Vec::new(), operations }).unwrap()
    };
    let refused = r#"{"conditions": [{"key": "k", "exists": false}]}"#;
    let many = format!(r#"{{"operations": [{}]}}"#, vec![r#"{"delete": {"key": "k"}}"#; 1001].join(","));
    for (fields, body, status) in [
        (&[JSON, name][..], PUT_K, 200),
        (&[JSON, name], PUT_K, 200),
        (&[JSON, name], &put("k", "other"), 422),
        (&[JSON], &put("k", "v"), 200),
        (&[JSON], refused, 412),
        (&[JSON], "[]", 400),
        (&[JSON], &put("k", &"x".repeat(VALUE_BYTES + 1)), 413),
        (&[JSON], &many, 413),
        (&[JSON], &put(&"x".repeat(KEY_BYTES + 1), "v"), 414),
        (&[], "{}", 415),
    ] {
        ask(server, document, ("POST", "/v1/", fields, body), status).await;
    }
}

async fn copies(server: &Running, document: &mut Document) {
    let restored = restored(server).await;
    for method in ["GET", "HEAD"] {
        for (path, status) in [
            ("/snapshot", 200),
            ("/snapshot?after=1", 400),
            ("/log", 200),
            ("/log?after=1", 200),
            ("/log?after=1000000", 400),
        ] {
            ask(server, document, (method, path, &[], ""), status).await;
        }
        // A restored log does not begin at the beginning.
        ask(&restored, document, (method, "/log?after=1", &[], ""), 410).await;
    }
}

async fn itself(server: &Running, document: &mut Document) {
    for method in ["GET", "HEAD"] {
        ask(server, document, (method, "/openapi.json", &[], ""), 200).await;
        ask(server, document, (method, "/openapi.json", &[("if-none-match", "*")], ""), 304).await;
        ask(server, document, (method, "/openapi.json?a=b", &[], ""), 400).await;
    }
}

/// Of requests of one name that are sent at once, one is done, and the others find it under way or done.
async fn in_flight(server: &Running, document: &mut Document) {
    for (method, path, body) in [(Method::PUT, "/v1/k", "v"), (Method::POST, "/v1/", PUT_K)] {
        for round in 0.. {
            assert!(round < 100, "{method}: no request was ever found under way");
            let name = format!("{method}-{round}");
            let client = server.client();
            let asked = (0..16).map(|_| {
                let (client, method) = (client.clone(), method.clone());
                let fields = fields_of(&[JSON, ("idempotency-key", &name)]);
                tokio::spawn(async move { client.request(method, path, fields, body.into()).await.unwrap() })
            });
            let (mut done, mut refused) = (0, 0);
            for answer in asked.collect::<Vec<_>>() {
                let answer = answer.await.unwrap();
                document.check(&method, path, &answer);
                let replayed = answer.headers().contains_key("idempotency-replayed");
                done += u32::from(answer.status().is_success() && !replayed);
                refused += u32::from(answer.status() == 409);
            }
            assert_eq!(done, 1, "{method} {name}");
            if refused > 0 {
                break;
            }
        }
    }
}

async fn full(document: &mut Document) {
    let server = Running::start_in(tempfile::tempdir().unwrap(), "limits: {keys: 1}", &[]).await;
    ask(&server, document, ("PUT", "/v1/a", &[], "v"), 201).await;
    ask(&server, document, ("PUT", "/v1/b", &[], "v"), 507).await;
    ask(&server, document, ("POST", "/v1/", &[JSON], PUT_K), 507).await;
}

/// One request of each operation.
const EACH: [(&str, &str); 13] = [
    ("GET", "/v1/k"),
    ("HEAD", "/v1/k"),
    ("PUT", "/v1/k"),
    ("DELETE", "/v1/k"),
    ("GET", "/v1/"),
    ("HEAD", "/v1/"),
    ("POST", "/v1/"),
    ("GET", "/snapshot"),
    ("HEAD", "/snapshot"),
    ("GET", "/log"),
    ("HEAD", "/log"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
];

async fn without_a_token(document: &mut Document) {
    let tokens = tempfile::tempdir().unwrap();
    std::fs::write(tokens.path().join("token"), "sesame").unwrap();
    let server = Running::start_with(&["--tokens-dir", tokens.path().to_str().unwrap()]).await;
    for (method, path) in EACH {
        ask(&server, document, (method, path, &[], ""), 401).await;
        ask(&server, document, (method, path, &[("authorization", "Bearer wrong")], ""), 401).await;
    }
    let client = server.client_builder().token("sesame").build().unwrap();
    let answer = client.request(Method::GET, "/openapi.json", HeaderMap::new(), Bytes::new()).await.unwrap();
    assert_eq!(answer.status(), 200);
}

async fn beyond_the_head(document: &mut Document) {
    let server =
        Running::start_in(tempfile::tempdir().unwrap(), "limits: {requestHeadBytes: 8Ki}", &[]).await;
    for (method, path) in EACH {
        let mut raw = server.raw().await;
        raw.send(format!("{method} {path} HTTP/1.1\r\nHost: kivi\r\nX: {}\r\n\r\n", "x".repeat(9000))).await;
        let answer = raw.answer_to(method == "HEAD").await;
        assert_eq!(answer.status(), 431, "{method} {path}");
        document.check(&method.parse().unwrap(), path, &answer);
    }
}

async fn without_a_connection(document: &mut Document) {
    let server = Running::start_in(tempfile::tempdir().unwrap(), "limits: {connections: 1}", &[]).await;
    let mut first = server.raw().await;
    first.ask("GET /v1/k").await;
    for (method, path) in EACH {
        let mut raw = server.raw().await;
        raw.send(format!("{method} {path} HTTP/1.1\r\nHost: kivi\r\n\r\n")).await;
        // It is refused before it is read, so the answer to a HEAD has a body too, and the connection ends behind it.
        let mut answer = raw.answer_to(false).await;
        assert_eq!(answer.status(), 503, "{method} {path}");
        if method == "HEAD" {
            answer.body_mut().clear();
        }
        document.check(&method.parse().unwrap(), path, &answer);
    }
}
