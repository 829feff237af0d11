//! What the probes say, and what they depend on.

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

use crate::support::{Answer, Fixture, Server, echo, get, send, send_to, text};

async fn probe(fixture: &Fixture, path: &str) -> Answer {
    send_to(&fixture.health, Request::get(path).body(Full::default()).unwrap()).await.unwrap()
}

fn check<'a>(body: &'a Value, name: &str) -> &'a Value {
    let checks = body["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()
}

#[tokio::test]
async fn readiness_names_its_checks_and_speaks_the_servers_words() {
    let server = Server::tcp(echo).await;
    let health = Server::tcp(async |_| {
        let body = r#"{"checks": [{"name": "log", "state": "pending", "message": "replayed 7 records"}]}"#;
        Response::builder().status(503).body(text(body)).unwrap()
    })
    .await;
    let url = format!("{}/readyz", health.url);
    let sidecar = Fixture::with_flags(&server.url, "", &["--upstream-ready", &url]).await;
    let answer = probe(&sidecar, "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let body = answer.json();
    assert_eq!(check(&body, "listener")["state"], "ok");
    assert_eq!(check(&body, "certificate")["state"], "ok");
    assert_eq!(check(&body, "upstream")["state"], "failing");
    let message = check(&body, "upstream")["message"].as_str().unwrap();
    assert!(message.contains("answered 503 (log: replayed 7 records)"), "{message}");
    assert_eq!(health.only().uri, "/readyz");
    for path in ["/livez", "/startupz"] {
        assert_eq!(probe(&sidecar, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn without_a_url_a_server_that_accepts_connections_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("server.sock");
    let url = format!("unix:{}", socket.display());
    let sidecar = Fixture::with_flags(&url, "", &["--upstream-ready", ""]).await;
    let answer = probe(&sidecar, "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let _server = Server::unix(&socket, echo);
    assert_eq!(probe(&sidecar, "/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_count_requests_and_hold_no_key() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "").await;
    send(&sidecar, get("/v1/secret-key")).await;
    send(&sidecar, Request::get("/v1/secret-key").body(Full::default()).unwrap()).await;
    let answer = probe(&sidecar, "/metrics").await;
    let count = |status| {
        format!(
            "http_server_request_duration_seconds_count{{http_request_method=\"GET\",http_route=\"\",http_response_status_code=\"{status}\",error_type=\"\"}} 1"
        )
    };
    assert!(answer.text().contains(&count(200)), "{}", answer.text());
    assert!(answer.text().contains(&count(401)), "refusals are counted: {}", answer.text());
    assert!(answer.text().contains("kivi_build_info"));
    assert!(!answer.text().contains("secret-key"));
}

#[tokio::test]
async fn no_path_of_the_probes_is_special_on_the_client_port() {
    let server = Server::tcp(async |_| Response::new(text("the server's"))).await;
    let sidecar = Fixture::new(&server, "").await;
    for path in ["/readyz", "/metrics", "/log-level"] {
        assert_eq!(send(&sidecar, get(path)).await.text(), "the server's");
        assert_ne!(probe(&sidecar, path).await.text(), "the server's");
    }
}

#[tokio::test]
async fn the_log_level_is_changed_on_the_admin_port() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "").await;
    let put = |level: &'static str| Request::put("/log-level").body(Full::from(level)).unwrap();
    assert_eq!(send_to(&sidecar.admin, put("off")).await.unwrap().status, StatusCode::NO_CONTENT);
    assert_eq!(send_to(&sidecar.admin, put("loud")).await.unwrap().status, StatusCode::BAD_REQUEST);
}
