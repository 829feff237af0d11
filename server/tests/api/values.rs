//! PUT, GET, HEAD and DELETE of design section 3.

use bytes::Bytes;
use http::StatusCode;
use kivi_api::Precondition;

use crate::running::Running;

#[tokio::test]
async fn put_makes_and_replaces_with_201_and_says_which() {
    let server = Running::start().await;
    let first = server.ask("PUT", "/v1/k", &[], "one").await;
    assert_eq!(first.status(), StatusCode::CREATED);
    assert_eq!(first.headers()["kivi-created"], "true");
    let second = server.ask("PUT", "/v1/k", &[], "two").await;
    assert_eq!(second.status(), StatusCode::CREATED);
    assert_eq!(second.headers()["kivi-created"], "false");
    for answer in [&first, &second] {
        let revision = answer.headers()["kivi-revision"].to_str().unwrap();
        assert_eq!(answer.headers()["etag"], format!("\"{revision}\""));
        assert!(answer.body().is_empty());
    }
    assert_ne!(first.headers()["etag"], second.headers()["etag"]);
    assert_eq!(server.ask("GET", "/v1/k", &[], "").await.body(), "two");
}

#[tokio::test]
async fn get_and_head_tell_the_same_of_a_value() {
    let server = Running::start().await;
    let put = server.ask("PUT", "/v1/k", &[("content-type", "text/html; charset=utf-8")], "<b>hi</b>").await;
    let get = server.ask("GET", "/v1/k", &[], "").await;
    let head = server.ask("HEAD", "/v1/k", &[], "").await;
    assert_eq!(get.status(), StatusCode::OK);
    assert_eq!(get.body(), "<b>hi</b>");
    assert_eq!(head.status(), StatusCode::OK);
    assert!(head.body().is_empty());
    for answer in [&get, &head] {
        let headers = answer.headers();
        assert_eq!(headers["etag"], put.headers()["etag"]);
        assert_eq!(headers["kivi-revision"], put.headers()["kivi-revision"]);
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["content-length"], "9");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["accept-ranges"], "bytes");
        let modified = httpdate::parse_http_date(headers["last-modified"].to_str().unwrap()).unwrap();
        assert!(modified.elapsed().unwrap().as_secs() < 60);
    }
}

#[tokio::test]
async fn a_value_without_a_media_type_is_octets_and_may_be_empty() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/k", &[], "").await;
    let get = server.ask("GET", "/v1/k", &[], "").await;
    assert_eq!(get.status(), StatusCode::OK);
    assert_eq!(get.headers()["content-type"], "application/octet-stream");
    assert_eq!(get.headers()["content-length"], "0");
    assert!(get.body().is_empty());
}

#[tokio::test]
async fn delete_is_200_whether_or_not_there_was_a_value() {
    let server = Running::start().await;
    let client = server.client();
    let put = client.put(b"k", "v", None, Precondition::None).await.unwrap();
    let deleted = client.delete(b"k", Precondition::None).await.unwrap();
    assert!(deleted.revision.unwrap() > put.revision);
    assert_eq!(client.get(b"k").await.unwrap(), None);
    assert_eq!(client.head(b"k").await.unwrap(), None);
    let again = server.ask("DELETE", "/v1/k", &[], "").await;
    assert_eq!(again.status(), StatusCode::OK);
    assert!(!again.headers().contains_key("kivi-revision"));
    let anew = client.put(b"k", "v", None, Precondition::None).await.unwrap();
    assert!(anew.created && anew.revision > put.revision);
}

#[tokio::test]
async fn values_of_any_bytes_and_sizes_come_back() {
    let server = Running::start().await;
    let client = server.client();
    for length in [0, 1, 255, 8 << 10, 30_000, crate::running::VALUE_BYTES] {
        let value: Bytes = (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
        client.put(b"k", value.clone(), None, Precondition::None).await.unwrap();
        assert_eq!(client.get(b"k").await.unwrap().unwrap().bytes, value, "{length} bytes");
    }
}

#[tokio::test]
async fn a_range_is_206_and_one_beyond_the_value_416() {
    let server = Running::start().await;
    let tag =
        server.ask("PUT", "/v1/k", &[], "0123456789").await.headers()["etag"].to_str().unwrap().to_owned();
    for (range, body, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=8-", "89", "bytes 8-9/10"),
        ("bytes=-1", "9", "bytes 9-9/10"),
    ] {
        let part = server.ask("GET", "/v1/k", &[("range", range), ("if-range", &tag)], "").await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(part.body(), body);
        assert_eq!(part.headers()["content-range"], content_range);
        assert_eq!(part.headers()["content-length"], body.len().to_string());
        assert_eq!(part.headers()["etag"], tag);
    }
    let stale = server.ask("GET", "/v1/k", &[("range", "bytes=2-4"), ("if-range", "\"0\"")], "").await;
    assert_eq!((stale.status(), stale.body().len()), (StatusCode::OK, 10));
    let head = server.ask("HEAD", "/v1/k", &[("range", "bytes=2-4")], "").await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["content-length"], "10");
}

#[tokio::test]
async fn what_is_not_one_range_under_a_strong_tag_is_answered_with_all_of_it() {
    let server = Running::start().await;
    let put = server.ask("PUT", "/v1/k", &[], "0123456789").await;
    let tag = put.headers()["etag"].to_str().unwrap();
    let modified =
        server.ask("GET", "/v1/k", &[], "").await.headers()["last-modified"].to_str().unwrap().to_owned();
    let weak = format!("W/{tag}");
    let one = ("range", "bytes=2-4");
    for fields in [
        &[("range", "bytes=0-1,4-5")][..],
        &[("range", "bytes=0-1"), ("range", "bytes=4-5")],
        &[("range", "bytes=4-2")],
        &[("range", "lines=0-1")],
        &[one, ("if-range", &weak)],
        &[one, ("if-range", "\"0\"")],
        // Two writes may share a second, so a date is no strong validator.
        &[one, ("if-range", &modified)],
    ] {
        let answer = server.ask("GET", "/v1/k", fields, "").await;
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"0123456789"[..]), "{fields:?}");
        assert!(!answer.headers().contains_key("content-range"), "{fields:?}");
    }
    // A condition that fails decides before the range.
    let failed = server.ask("GET", "/v1/k", &[one, ("if-match", "\"0\"")], "").await;
    assert_eq!(failed.status(), StatusCode::PRECONDITION_FAILED);
    let known = server.ask("GET", "/v1/k", &[one, ("if-none-match", tag)], "").await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
}
