//! Conditional requests (RFC 9110 section 13), evaluated atomically with the write.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use kivi_api::{Precondition, ProblemType};

use crate::running::{Running, problem};

#[tokio::test]
async fn a_known_tag_is_304_with_its_validators_and_no_body() {
    let server = Running::start().await;
    let put = server.ask("PUT", "/v1/k", &[], "value").await;
    let tag = put.headers()["etag"].to_str().unwrap();
    for method in ["GET", "HEAD"] {
        for field in [tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
            let answer = server.ask(method, "/v1/k", &[("if-none-match", field)], "").await;
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{method} {field}");
            assert_eq!(answer.headers()["etag"], tag);
            assert!(answer.headers().contains_key("last-modified"));
            assert!(
                !answer.headers().contains_key("content-length"),
                "{method}: 0 would be the value's length"
            );
            assert!(answer.body().is_empty());
        }
        let answer = server.ask(method, "/v1/k", &[("if-none-match", "\"x\"")], "").await;
        assert_eq!(answer.status(), StatusCode::OK);
        let answer = server.ask(method, "/v1/k", &[("if-match", "\"x\"")], "").await;
        assert_eq!(answer.status(), StatusCode::PRECONDITION_FAILED);
    }
}

#[tokio::test]
async fn the_dates_of_reads_are_honoured() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/k", &[], "value").await;
    let at =
        server.ask("GET", "/v1/k", &[], "").await.headers()["last-modified"].to_str().unwrap().to_owned();
    let before = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(3600));
    for (field, date, status) in [
        ("if-modified-since", &at, 304),
        ("if-modified-since", &before, 200),
        ("if-unmodified-since", &at, 200),
        ("if-unmodified-since", &before, 412),
    ] {
        let answer = server.ask("GET", "/v1/k", &[(field, date)], "").await;
        assert_eq!(answer.status(), status, "{field}: {date}");
    }
}

#[tokio::test]
async fn a_write_happens_only_under_its_conditions() {
    let server = Running::start().await;
    let client = server.client();
    let refused = |error: kivi_api::ClientError| error.problem().unwrap().kind;
    let first = client.put(b"k", "1", None, Precondition::Absent).await.unwrap();
    let again = client.put(b"k", "2", None, Precondition::Absent).await.unwrap_err();
    assert_eq!(refused(again), ProblemType::PreconditionFailed);
    let second = client.put(b"k", "2", None, Precondition::Revision(first.revision)).await.unwrap();
    let lost_update = client.put(b"k", "3", None, Precondition::Revision(first.revision)).await.unwrap_err();
    let told = lost_update.problem().unwrap().detail.clone();
    assert!(told.contains(&format!("revision {}", second.revision)), "{told}");
    let stale = client.delete(b"k", Precondition::Revision(first.revision)).await.unwrap_err();
    assert_eq!(refused(stale), ProblemType::PreconditionFailed);
    assert_eq!(client.get(b"k").await.unwrap().unwrap().bytes, "2");
    client.delete(b"k", Precondition::Revision(second.revision)).await.unwrap();
    let absent = client.put(b"k", "4", None, Precondition::Exists).await.unwrap_err();
    assert_eq!(refused(absent), ProblemType::PreconditionFailed);
    let absent = client.delete(b"k", Precondition::Exists).await.unwrap_err();
    assert_eq!(refused(absent), ProblemType::PreconditionFailed);
    assert_eq!(client.get(b"k").await.unwrap(), None);
}

#[tokio::test]
async fn a_write_may_depend_on_a_date_or_on_both_tags() {
    let server = Running::start().await;
    let put = server.ask("PUT", "/v1/k", &[], "1").await;
    let tag = put.headers()["etag"].to_str().unwrap();
    let before = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(3600));
    let after = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    for (fields, status) in [
        (&[("if-unmodified-since", before.as_str())][..], 412),
        (&[("if-match", "*"), ("if-none-match", tag)], 412),
        (&[("if-unmodified-since", &after)], 201),
        (&[("if-match", "*"), ("if-none-match", tag)], 201),
    ] {
        let answer = server.ask("PUT", "/v1/k", fields, "2").await;
        assert_eq!(answer.status(), status, "{fields:?}");
    }
    let absent = server.ask("PUT", "/v1/new", &[("if-unmodified-since", &before)], "1").await;
    assert_eq!(absent.status(), StatusCode::CREATED, "there is nothing that was modified");
}

#[tokio::test]
async fn of_many_creators_of_one_key_exactly_one_wins() {
    let server = Running::start().await;
    let client = server.client();
    let creators: Vec<_> = (0..64)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(
                async move { client.put(b"k", format!("{number}"), None, Precondition::Absent).await },
            )
        })
        .collect();
    let mut winners = Vec::new();
    for (number, creator) in creators.into_iter().enumerate() {
        match creator.await.unwrap() {
            Ok(written) => winners.push((number, written.revision)),
            Err(error) => assert_eq!(error.problem().unwrap().kind, ProblemType::PreconditionFailed),
        }
    }
    let [(number, revision)] = winners[..] else { panic!("winners: {winners:?}") };
    let value = client.get(b"k").await.unwrap().unwrap();
    assert_eq!((value.bytes, value.metadata.revision), (number.to_string().into(), revision));
}

#[tokio::test]
async fn of_many_increments_none_is_lost() {
    let server = Running::start().await;
    let client = server.client();
    client.put(b"n", "0", None, Precondition::None).await.unwrap();
    let increment = |client: kivi_api::Client| async move {
        loop {
            let value = client.get(b"n").await.unwrap().unwrap();
            let next = std::str::from_utf8(&value.bytes).unwrap().parse::<u32>().unwrap() + 1;
            let condition = Precondition::Revision(value.metadata.revision);
            match client.put(b"n", next.to_string(), None, condition).await {
                Ok(_) => return,
                Err(error) => assert_eq!(error.status(), Some(StatusCode::PRECONDITION_FAILED)),
            }
        }
    };
    let tasks: Vec<_> = (0..16).map(|_| tokio::spawn(increment(client.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(client.get(b"n").await.unwrap().unwrap().bytes, "16");
}

#[tokio::test]
async fn a_read_of_an_absent_key_is_404_whatever_its_conditions() {
    let server = Running::start().await;
    for field in ["if-match", "if-none-match"] {
        let answer = server.ask("GET", "/v1/absent", &[(field, "*")], "").await;
        assert_eq!(problem(&answer).kind, ProblemType::NotFound, "{field}");
    }
}

/// RFC 9110 section 8.8.3.2: `If-Match` compares strongly, `If-None-Match` weakly.
#[tokio::test]
async fn a_weak_tag_is_no_match_where_equal_bytes_are_asked_for() {
    let server = Running::start().await;
    let put = server.ask("PUT", "/v1/k", &[], "value").await;
    let tag = put.headers()["etag"].to_str().unwrap();
    let weak = format!("W/{tag}");
    for (method, field, value, status) in [
        ("GET", "if-match", tag, 200),
        ("GET", "if-match", &weak, 412),
        ("HEAD", "if-match", &weak, 412),
        ("PUT", "if-match", &weak, 412),
        ("DELETE", "if-match", &weak, 412),
        ("GET", "if-none-match", &weak, 304),
        ("HEAD", "if-none-match", &weak, 304),
        ("PUT", "if-none-match", &weak, 412),
        ("DELETE", "if-none-match", &weak, 412),
        ("PUT", "if-match", tag, 201),
    ] {
        let answer = server.ask(method, "/v1/k", &[(field, value)], "value").await;
        assert_eq!(answer.status(), status, "{method} {field}: {value}");
    }
}
