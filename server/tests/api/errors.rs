//! Every refusal: its status, its problem type, its limit, and what the client may do.

use bytes::Bytes;
use http::{HeaderMap, Method};
use kivi_api::{Precondition, ProblemType};

use crate::running::{KEY_BYTES, Running, fields_of, problem};

#[tokio::test]
async fn each_bad_request_is_told_what_is_wrong_with_it() {
    use ProblemType::{
        BadRequest, MethodNotAllowed, NotFound, PreconditionFailed, RangeNotSatisfiable, UnsupportedMediaType,
    };
    let server = Running::start().await;
    server.ask("PUT", "/v1/k", &[], "value").await;
    let long = "x".repeat(300);
    for (method, path, fields, kind, told) in [
        ("GET", "/v1/absent", &[][..], NotFound, "no value"),
        ("HEAD", "/v1/absent", &[], NotFound, ""),
        ("GET", "/", &[], NotFound, "/v1/KEY"),
        ("GET", "/v2/k", &[], NotFound, "/v1/KEY"),
        ("PUT", "/v1", &[], NotFound, "/v1/KEY"),
        ("GET", "/v1/?prefx=a", &[], BadRequest, "`prefx`"),
        ("GET", "/v1/?limit=0", &[], BadRequest, "`limit`"),
        ("GET", "/v1/?cursor=AQAA", &[], BadRequest, "`cursor`"),
        ("GET", "/v1/?after=3", &[], BadRequest, "`after`"),
        ("GET", "/v1/?watch=true&limit=3", &[], BadRequest, "`limit`"),
        ("GET", "/v1/?watch=true&after=1000000", &[], BadRequest, "yet to come"),
        ("POST", "/v1/", &[("content-type", "text/plain")], UnsupportedMediaType, "application/json"),
        ("POST", "/v1/", &[("content-type", "application/json")], BadRequest, "can't be read"),
        ("GET", "/v1/a%2", &[], BadRequest, "at byte 5"),
        ("PUT", "/v1/%zz", &[], BadRequest, "`%25`"),
        ("GET", "/v1/k?color=red", &[], BadRequest, "`color`"),
        ("PUT", "/v1/k?ttl=0", &[], BadRequest, "`ttl`"),
        ("PUT", "/v1/k?ttl=5", &[("kivi-ttl", "6s")], BadRequest, "`ttl`"),
        ("DELETE", "/v1/k?ttl=5", &[], BadRequest, "`ttl`"),
        ("PUT", "/v1/k", &[("idempotency-key", "\"a")], BadRequest, "`Idempotency-Key`"),
        ("PUT", "/v1/k", &[("if-match", "17")], BadRequest, "`if-match`"),
        ("GET", "/v1/k", &[("if-none-match", "17")], BadRequest, "`if-none-match`"),
        ("PUT", "/v1/k", &[("content-range", "bytes 0-0/5")], BadRequest, "Content-Range"),
        ("PUT", "/v1/k", &[("kivi-ttl", "soon")], BadRequest, "Kivi-Ttl"),
        ("PUT", "/v1/k", &[("content-type", &long)], BadRequest, "media type"),
        ("PUT", "/v1/k", &[("content-type", "")], BadRequest, "media type"),
        ("PUT", "/v1/k", &[("content-encoding", "gzip")], UnsupportedMediaType, "Content-Encoding"),
        ("PUT", "/v1/k", &[("if-none-match", "*")], PreconditionFailed, "revision 1"),
        ("DELETE", "/v1/absent", &[("if-match", "*")], PreconditionFailed, "no value"),
        ("GET", "/v1/k", &[("range", "bytes=5-")], RangeNotSatisfiable, "5 bytes"),
        ("POST", "/v1/k", &[], MethodNotAllowed, "POST"),
        ("PATCH", "/v1/k", &[], MethodNotAllowed, "GET, HEAD, PUT, DELETE"),
        ("OPTIONS", "/v1/k", &[], MethodNotAllowed, "OPTIONS"),
        ("BREW", "/v1/k", &[], MethodNotAllowed, "BREW"),
        ("PUT", "/v1/", &[], MethodNotAllowed, "GET, HEAD, POST"),
        ("DELETE", "/v1/", &[], MethodNotAllowed, "GET, HEAD, POST"),
    ] {
        let answer = server.ask(method, path, fields, "").await;
        assert_eq!(answer.status(), kind.status(), "{method} {path} {fields:?}");
        if method == "HEAD" {
            assert!(answer.body().is_empty());
            continue;
        }
        let problem = problem(&answer);
        assert_eq!(problem.kind, kind, "{method} {path} {fields:?}");
        assert!(problem.detail.contains(told), "{method} {path} {fields:?}: {}", problem.detail);
        if kind == MethodNotAllowed {
            let allow = if path == "/v1/" { "GET, HEAD, POST" } else { "GET, HEAD, PUT, DELETE" };
            assert_eq!(answer.headers()["allow"], allow);
        }
        if kind == RangeNotSatisfiable {
            assert_eq!(answer.headers()["content-range"], "bytes */5");
        }
    }
    let unharmed = server.ask("GET", "/v1/k", &[], "").await;
    assert_eq!(unharmed.body(), "value");
}

#[tokio::test]
async fn a_long_key_is_414_with_the_limit_counted_after_decoding() {
    let server = Running::start().await;
    let fits = format!("/v1/{}", "%2F".repeat(KEY_BYTES));
    assert_eq!(server.ask("PUT", &fits, &[], "v").await.status(), 201);
    for method in ["PUT", "GET", "DELETE"] {
        let answer = server.ask(method, &format!("{fits}x"), &[], "").await;
        assert_eq!(answer.status(), 414);
        let problem = problem(&answer);
        assert_eq!(problem.kind, ProblemType::KeyTooLong);
        let limit = problem.limit.unwrap();
        assert_eq!((limit.name.as_ref(), limit.value), ("limits.keyBytes", 100));
        assert!(problem.detail.contains("101 bytes"), "{}", problem.detail);
    }
}

#[tokio::test]
async fn memory_that_is_used_up_is_507_with_the_limit_and_deletes_make_room() {
    let server = Running::start().await;
    let (client, value) = (server.client(), Bytes::from(vec![7; 60 << 10]));
    let mut written = 0_u32;
    let refused = loop {
        match client.put(&written.to_le_bytes(), value.clone(), None, Precondition::None).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    let problem = refused.problem().unwrap();
    assert_eq!((problem.kind, problem.status), (ProblemType::MemoryFull, 507));
    assert_eq!(problem.limit.as_ref().unwrap().name, "limits.memory");
    assert_eq!(problem.limit.as_ref().unwrap().value, 16 << 20);
    assert!(written > 200, "{written} values of 60 KiB filled 16 MiB");
    assert_eq!(client.get(&0_u32.to_le_bytes()).await.unwrap().unwrap().bytes, value);
    client.delete(&0_u32.to_le_bytes(), Precondition::None).await.unwrap();
    client.put(b"new", value, None, Precondition::None).await.unwrap();
}

#[tokio::test]
async fn with_tokens_a_request_needs_one_of_them() {
    let tokens = tempfile::tempdir().unwrap();
    std::fs::write(tokens.path().join("old"), "sesame\n").unwrap();
    std::fs::write(tokens.path().join("new"), "poppy\n").unwrap();
    let server = Running::start_with(&["--tokens-dir", tokens.path().to_str().unwrap()]).await;
    for (field, challenge) in [
        (None, "Bearer realm=\"kivi\""),
        (Some("Bearer thistle"), "Bearer realm=\"kivi\", error=\"invalid_token\""),
        (Some("Basic c2VzYW1l"), "Bearer realm=\"kivi\", error=\"invalid_request\""),
    ] {
        let headers = field.map_or_else(HeaderMap::new, |field| fields_of(&[("authorization", field)]));
        for (method, path) in [(Method::GET, "/v1/k"), (Method::PUT, "/v1/k"), (Method::GET, "/nowhere")] {
            let answer = server.client().request(method, path, headers.clone(), Bytes::new()).await.unwrap();
            assert_eq!(problem(&answer).kind, ProblemType::Unauthorized, "{field:?}");
            assert_eq!(answer.headers()["www-authenticate"], challenge);
        }
    }
    for token in ["sesame", "poppy"] {
        let client = server.client_builder().token(token).build().unwrap();
        client.put(b"k", token, None, Precondition::None).await.unwrap();
        assert_eq!(client.get(b"k").await.unwrap().unwrap().bytes, token);
    }
}

#[tokio::test]
async fn anonymous_readers_may_read_and_not_write() {
    let tokens = tempfile::tempdir().unwrap();
    std::fs::write(tokens.path().join("token"), "sesame").unwrap();
    let flags = ["--tokens-dir", tokens.path().to_str().unwrap()];
    let server = Running::start_in(tempfile::tempdir().unwrap(), "auth: {anonymous: Read}", &flags).await;
    let writer = server.client_builder().token("sesame").build().unwrap();
    writer.put(b"k", "v", None, Precondition::None).await.unwrap();
    let anonymous = server.client();
    assert_eq!(anonymous.get(b"k").await.unwrap().unwrap().bytes, "v");
    let refused = anonymous.delete(b"k", Precondition::None).await.unwrap_err();
    assert_eq!(refused.problem().unwrap().kind, ProblemType::Unauthorized);
}
