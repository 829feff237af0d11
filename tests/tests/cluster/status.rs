//! What `kubectl get` shows, and that nothing is written at rest.

use std::time::Duration;

use crate::stage::Stage;

#[tokio::test]
async fn the_status_says_where_the_store_is_and_the_columns_show_it() {
    let stage = Stage::open("status").await;
    drop(stage.ready_store("orders", "{}").await);
    let namespace = stage.kubectl.current_namespace();
    let store = stage.kubectl.get("kvs", "orders").await.unwrap();
    let status = &store["status"];
    assert_eq!(status["endpoint"], format!("https://orders.{namespace}.svc"));
    assert_eq!(status["observedGeneration"], store["metadata"]["generation"]);
    assert_eq!((&status["replicas"], &status["readyReplicas"]), (&1.into(), &1.into()));
    assert_eq!(status["certificate"]["secretName"], "orders-tls");
    assert_eq!(status["volumes"][0]["name"], "log-orders-0");
    for (kind, wanted) in
        [("Ready", "True"), ("Progressing", "False"), ("Degraded", "False"), ("StorageReady", "True")]
    {
        assert_eq!(stage.condition("orders", kind).await["status"], wanted, "{kind}");
    }
    let columns = stage.kubectl.run(["get", "kvs", "orders"]).await.unwrap();
    for heading in ["READY", "REPLICAS", "LOG", "ENDPOINT", "AGE"] {
        assert!(columns.contains(heading), "{columns}");
    }
    let events =
        stage.kubectl.run(["get", "events", "-o", "jsonpath={.items[*].involvedObject.kind}"]).await.unwrap();
    assert!(events.contains("KeyValueStore"), "no event speaks of the store: {events}");
}

#[tokio::test]
async fn nothing_is_written_at_rest() {
    let stage = Stage::open("rest").await;
    drop(stage.ready_store("orders", "{}").await);
    let before = stage.resource_versions("orders").await;
    // Longer than any requeue that follows a change; a write in this time would be a loop.
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(stage.resource_versions("orders").await, before);
}

#[tokio::test]
async fn a_stopped_store_has_no_pod_and_comes_back() {
    let stage = Stage::open("stopped").await;
    drop(stage.ready_store("orders", "{}").await);
    stage.apply_store("orders", "{stopped: true}").await.unwrap();
    stage.until_empty("pod", "app.kubernetes.io/instance=orders").await;
    stage.apply_store("orders", "{stopped: false}").await.unwrap();
    stage.wait_ready("orders").await;
}
