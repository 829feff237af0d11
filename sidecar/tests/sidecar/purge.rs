//! Purges on the admin port.

use http::{Request, Response, StatusCode};
use http_body_util::Full;

use crate::support::{Answer, Fixture, Server, get, send, send_to, text};

async fn keeping() -> (Server, Fixture) {
    let server = Server::tcp(async |_| Response::new(text("value"))).await;
    let sidecar = Fixture::new(&server, "sidecar: {cache: {ttl: 10m}}").await;
    (server, sidecar)
}

async fn keep(sidecar: &Fixture, paths: &[&str]) {
    for path in paths {
        while !is_kept(&send(sidecar, get(path)).await) {}
    }
}

fn is_kept(answer: &Answer) -> bool {
    answer.header("cache-status").unwrap().starts_with("kivi; hit")
}

fn dropped(answer: &Answer) -> u64 {
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some("application/json")));
    let json = answer.json();
    assert!(json["bytes"].is_u64() && json["loads"].is_u64(), "{json}");
    json["answers"].as_u64().unwrap()
}

#[tokio::test]
async fn a_key_a_prefix_a_path_and_everything_can_be_purged() {
    let (_server, sidecar) = keeping().await;
    keep(&sidecar, &["/v1/order%2F17", "/v1/order/18", "/v1/other", "/img/a.png", "/img/b.png", "/c"]).await;
    for (body, answers) in [
        (r#"{"key": "order/17"}"#, 1),
        (r#"{"key": "order/17"}"#, 0),
        (r#"{"prefix": "order/"}"#, 1),
        (r#"{"path": "/img/a.png"}"#, 1),
        (r#"{"pathPrefix": "/img/"}"#, 1),
        (r#"{"all": true}"#, 2),
    ] {
        assert_eq!(dropped(&sidecar.purge(body).await), answers, "{body}");
    }
    assert!(!is_kept(&send(&sidecar, get("/v1/other")).await));
    assert_eq!(sidecar.metric("kivi_cache_purged_total").await, 6);
}

#[tokio::test]
async fn what_names_nothing_to_purge_is_refused_and_drops_nothing() {
    let (_server, sidecar) = keeping().await;
    keep(&sidecar, &["/v1/k"]).await;
    for body in ["", "{}", r#"{"key": "k", "all": true}"#, r#"{"keys": "k"}"#] {
        let refused = sidecar.purge(body).await;
        assert_eq!((refused.status, &*refused.problem()), (StatusCode::BAD_REQUEST, "bad-request"), "{body}");
        assert!(refused.json()["detail"].as_str().unwrap().contains(r#"write one of {"key": "order/17"}"#));
    }
    let request = Request::get("/cache/purge").body(Full::default()).unwrap();
    let refused = send_to(&sidecar.admin, request).await.unwrap();
    assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("POST")));
    assert_eq!(refused.problem(), "method-not-allowed");
    assert!(is_kept(&send(&sidecar, get("/v1/k")).await));
}

#[tokio::test]
async fn no_client_can_purge() {
    let (server, sidecar) = keeping().await;
    let mut request = get("/cache/purge");
    *request.method_mut() = http::Method::POST;
    send(&sidecar, request).await;
    assert_eq!(server.only().uri.path(), "/cache/purge", "on the clients' port it is a path as any other");
}
