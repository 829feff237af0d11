//! What the sidecar adds in front of the server.

use http::{HeaderMap, Method, StatusCode, Version};
use kivi_api::{Client, Precondition};

use crate::stage::Stage;

async fn ask(client: &Client, path: &str) -> http::Response<bytes::Bytes> {
    client.request(Method::GET, path, HeaderMap::new(), bytes::Bytes::new()).await.unwrap()
}

#[tokio::test]
async fn http2_is_negotiated_and_no_token_gets_401() {
    let stage = Stage::open("protocol").await;
    let store = stage.ready_store("orders", "{}").await;

    let answer = ask(&store.client().unwrap(), "/v1/absent").await;
    assert_eq!((answer.version(), answer.status()), (Version::HTTP_2, StatusCode::NOT_FOUND));

    let refused = ask(&store.anonymous_client().unwrap(), "/v1/absent").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_caller_beyond_its_rate_gets_429_with_the_time_to_wait() {
    let stage = Stage::open("throttle").await;
    let store = stage.ready_store("orders", "{sidecar: {throttle: {rate: 1, burst: 5}}}").await;
    let client = store.client().unwrap();
    let mut refused = Vec::new();
    for _ in 0..20 {
        let answer = ask(&client, "/v1/absent").await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            refused.push(answer);
        } else {
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        }
    }
    // Twenty requests take less than nine seconds, and a second brings one token.
    assert!(refused.len() >= 6, "only {} of 20 were refused", refused.len());
    for answer in refused {
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(wait >= 1);
        let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(problem["type"], "https://kivi.dev/problems/too-many-requests");
    }
}

#[tokio::test]
async fn two_hundred_readers_of_a_cold_key_reach_the_server_once() {
    let stage = Stage::open("stampede").await;
    let store = stage.ready_store("orders", "{sidecar: {cache: {ttl: 60s}}}").await;
    let client = store.client().unwrap();
    let value = "x".repeat(64 * 1024);
    client.put(b"cold", value.clone(), None, Precondition::None).await.unwrap();

    let before = stage.server_gets("orders-0").await;
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let client = client.clone();
        readers.spawn(async move { client.get(b"cold").await.unwrap().unwrap().bytes });
    }
    while let Some(bytes) = readers.join_next().await {
        assert!(bytes.unwrap() == value.as_bytes(), "a reader got other bytes");
    }
    assert_eq!(stage.server_gets("orders-0").await - before, 1, "loads that reached the server");
}

#[tokio::test]
async fn a_store_without_a_sidecar_serves_tls_itself() {
    let stage = Stage::open("bare").await;
    let store = stage.ready_store("orders", "{sidecar: {enabled: false}}").await;
    let client = store.client().unwrap();
    client.put(b"key", "value", None, Precondition::None).await.unwrap();
    assert_eq!(client.get(b"key").await.unwrap().unwrap().bytes, "value");
    let refused = ask(&store.anonymous_client().unwrap(), "/v1/key").await;
    assert_eq!((refused.version(), refused.status()), (Version::HTTP_2, StatusCode::UNAUTHORIZED));
}
