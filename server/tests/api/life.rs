//! From start to end: readiness, metrics, drain, flush, and values that outlive a restart.

use std::future::Future;

use http::StatusCode;
use kivi_api::Precondition;
use kivi_server::{RunError, Server};
use tokio_util::sync::CancellationToken;

use crate::running::{Running, configure};

#[tokio::test]
async fn values_outlive_a_restart_with_everything_that_is_known_of_them() {
    let server = Running::start().await;
    let client = server.client();
    let media_type = "text/plain".parse().unwrap();
    client.put(b"kept", "first", None, Precondition::None).await.unwrap();
    client.put(b"kept", "second", Some(&media_type), Precondition::None).await.unwrap();
    client.put(b"gone", "value", None, Precondition::None).await.unwrap();
    client.delete(b"gone", Precondition::None).await.unwrap();
    let before = server.ask("GET", "/v1/kept", &[], "").await;

    let server = Running::start_in(server.stop().await, "", &[]).await;
    let after = server.ask("GET", "/v1/kept", &[], "").await;
    assert_eq!(after.body(), "second");
    for field in ["etag", "kivi-revision", "last-modified", "content-type"] {
        assert_eq!(after.headers()[field], before.headers()[field], "{field}");
    }
    assert_eq!(server.client().get(b"gone").await.unwrap(), None);
    let next = server.client().put(b"new", "", None, Precondition::None).await.unwrap();
    assert_eq!(next.revision, 5, "revisions go on where they were");
}

#[tokio::test]
async fn writes_in_flight_are_answered_and_kept_when_the_server_ends() {
    let server = Running::start().await;
    let client = server.client();
    let writes: Vec<_> = (0..200)
        .map(|number: u32| {
            let client = client.clone();
            tokio::spawn(async move {
                let key = number.to_le_bytes();
                client.put(&key, "value", None, Precondition::None).await.map(|_| key)
            })
        })
        .collect();
    // At least one is under way.
    while client.head(&0_u32.to_le_bytes()).await.unwrap().is_none() {}
    let data = server.stop().await;
    let mut acknowledged = Vec::new();
    for write in writes {
        acknowledged.extend(write.await.unwrap());
    }
    assert!(!acknowledged.is_empty());
    let server = Running::start_in(data, "", &[]).await;
    for key in acknowledged {
        assert!(server.client().get(&key).await.unwrap().is_some(), "{key:?} was acknowledged");
    }
}

#[tokio::test]
async fn probes_name_their_checks_and_metrics_tell_of_store_and_requests() {
    let server = Running::start().await;
    server.ask("PUT", "/v1/secret-key", &[], "0123456789").await;
    server.ask("GET", "/v1/absent", &[], "").await;
    let ready: serde_json::Value = serde_json::from_str(&server.health("/readyz").await).unwrap();
    let names: Vec<_> =
        ready["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["log", "store"]);
    assert_eq!(ready["checks"][0]["message"], "the log takes writes and is at revision 1");

    let metrics = server.health("/metrics").await;
    for line in [
        "kivi_build_info{version=\"0.1.0\"} 1",
        "kivi_store_keys 1",
        "kivi_store_revisions_total 1",
        "kivi_store_writable 1",
        "# TYPE kivi_log_sync_duration_seconds histogram",
        "kivi_log_sync_duration_seconds_count 1",
        "# UNIT kivi_store_memory_bytes bytes",
        "\nkivi_log_volume_size_bytes ",
        "\nkivi_log_volume_available_bytes ",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    for (method, status) in [("PUT", "201"), ("GET", "404")] {
        let series = format!(
            "_count{{http_request_method=\"{method}\",http_route=\"/v1/{{key}}\",http_response_status_code=\"{status}\""
        );
        assert!(metrics.contains(&series), "{series}: {metrics}");
    }
    assert!(!metrics.contains("secret-key"));
}

#[tokio::test]
async fn a_server_told_to_end_before_it_began_ends() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::bind(configure(dir.path(), "", &[])).await.unwrap();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    server.serve(shutdown).await.unwrap();
}

#[tokio::test]
async fn two_servers_do_not_share_a_log_or_a_port() {
    let server = Running::start().await;
    let config = configure(server.dir.path(), "", &[]);
    let error = serve(Server::bind(config).await.unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    let config = configure(server.dir.path(), "", &["--listen", &server.address.to_string()]);
    let Err(error) = Server::bind(config).await else { panic!("two listeners on one port") };
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");
    let alive = server.ask("GET", "/v1/k", &[], "").await;
    assert_eq!(alive.status(), StatusCode::NOT_FOUND);
}

fn serve(server: Server) -> impl Future<Output = Result<(), RunError>> {
    server.serve(CancellationToken::new())
}
