//! Stopped, paused, scaled, drained: what a store does at each, and that it comes back.

use kivi_api::Precondition;
use serde_json::json;

use crate::stage::Stage;

const READY: &str = "condition=Ready";

#[tokio::test]
async fn a_stopped_store_keeps_its_data_and_secrets() {
    let stage = Stage::open("stop").await;
    let store = stage.ready_store("orders", "{}").await;
    store.client().unwrap().put(b"kept", "precious", None, Precondition::None).await.unwrap();
    drop(store);
    let secret = async || stage.kubectl.get("secret", "orders-token").await.unwrap()["data"].clone();
    let (token, claim) = (secret().await, claim(&stage).await);

    stage.apply_store("orders", "{stopped: true}").await.unwrap();
    stage.until_empty("pod", "app.kubernetes.io/instance=orders").await;
    stage.kubectl.wait("condition=Progressing=False", "kvs/orders", "30s").await.unwrap();
    let ready = stage.condition("orders", "Ready").await;
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("Stopped")));

    // Paused, it stays stopped; what is told is what runs.
    stage.apply_store("orders", "{stopped: false, paused: true}").await.unwrap();
    stage.kubectl.wait("condition=ReconciliationPaused", "kvs/orders", "30s").await.unwrap();
    assert_eq!(stage.condition("orders", "Ready").await["reason"], "Stopped");

    stage.apply_store("orders", "{}").await.unwrap();
    stage.wait_ready("orders").await;
    assert_eq!((secret().await, self::claim(&stage).await), (token, claim));
    let store = stage.reach("orders").await;
    let value = store.client().unwrap().get(b"kept").await.unwrap().expect("the value is gone");
    assert_eq!(value.bytes, "precious");
}

#[tokio::test]
async fn a_paused_store_is_left_as_it_is_until_it_is_taken_up_or_deleted() {
    let stage = Stage::open("pause").await;
    drop(stage.ready_store("orders", "{}").await);
    stage.apply_store("orders", "{paused: true}").await.unwrap();
    stage.kubectl.wait("condition=ReconciliationPaused", "kvs/orders", "30s").await.unwrap();
    let edit = r#"{"metadata":{"labels":{"app.kubernetes.io/part-of":"mine"}},"data":{"kivi.yaml":"{}"}}"#;
    stage.kubectl.run(["patch", "configmap", "orders", "--type=merge", "-p", edit]).await.unwrap();
    stage.kubectl.run(["delete", "service", "orders"]).await.unwrap();
    // The operator looked at the store after the edit: it tells of the pod that left.
    stage.kubectl.run(["delete", "pod", "orders-0", "--wait=false"]).await.unwrap();
    stage.kubectl.wait("condition=Ready=False", "kvs/orders", "10s").await.unwrap();
    stage.kubectl.wait(READY, "kvs/orders", "120s").await.unwrap();
    let edited = stage.kubectl.get("configmap", "orders").await.unwrap();
    assert_eq!(edited["metadata"]["labels"]["app.kubernetes.io/part-of"], "mine");
    stage.kubectl.get("service", "orders").await.expect_err("the Service was made again");

    stage.apply_store("orders", "{}").await.unwrap();
    stage.kubectl.wait("create", "service/orders", "20s").await.unwrap();
    let label = r"jsonpath={.metadata.labels.app\.kubernetes\.io/part-of}=kivi";
    stage.kubectl.wait(label, "configmap/orders", "20s").await.unwrap();

    stage.apply_store("orders", "{paused: true}").await.unwrap();
    stage.kubectl.wait("condition=ReconciliationPaused", "kvs/orders", "30s").await.unwrap();
    stage.kubectl.run(["delete", "kvs", "orders", "--timeout=30s"]).await.unwrap();
    stage.until_empty("statefulset,service,configmap,secret,pod", "app.kubernetes.io/instance=orders").await;
}

#[tokio::test]
async fn a_drain_takes_the_pod_of_a_single_server() {
    let stage = Stage::open("drain").await;
    drop(stage.ready_store("orders", "{}").await);
    let budgets = stage.kubectl.run(["get", "poddisruptionbudgets", "-o", "name"]).await.unwrap();
    assert_eq!(budgets, "", "a budget keeps a single server's node from being drained");
    let before = stage.pod_uid("orders-0").await;
    // What `kubectl drain` sends for each pod of a node.
    stage.evict("orders-0").await.unwrap();
    stage.kubectl.wait("condition=Ready=False", "kvs/orders", "10s").await.unwrap();
    stage.kubectl.wait(READY, "kvs/orders", "120s").await.unwrap();
    assert_ne!(stage.pod_uid("orders-0").await, before);
}

#[tokio::test]
async fn a_store_is_scaled_as_anything_else_is() {
    let stage = Stage::open("scale").await;
    drop(stage.ready_store("orders", "{}").await);
    let refusal = stage.kubectl.run(["scale", "kvs/orders", "--replicas=2"]).await.unwrap_err().to_string();
    assert!(refusal.contains("replicas > 1 needs a shared log"), "{refusal}");
    stage.kubectl.run(["scale", "kvs/orders", "--replicas=1"]).await.unwrap();

    let namespace = stage.kubectl.current_namespace();
    let path = format!("/apis/kivi.dev/v1alpha1/namespaces/{namespace}/keyvaluestores/orders/scale");
    let scale = stage.kubectl.run(["get", "--raw", &path]).await.unwrap();
    let scale: serde_json::Value = serde_json::from_str(&scale).unwrap();
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["replicas"]), (&json!(1), &json!(1)));
    let selector = scale["status"]["selector"].as_str().unwrap();
    let selected = stage.kubectl.run(["get", "pods", "-l", selector, "-o", "name"]).await.unwrap();
    assert_eq!(selected.trim(), "pod/orders-0");

    let autoscaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "orders"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStore", "name": "orders"},
            "minReplicas": 1, "maxReplicas": 1,
        },
    });
    stage.kubectl.apply(&autoscaler.to_string()).await.unwrap();
    // It reads the scale at each of its rounds, every 15 s. That it needs metrics for more is its own affair.
    stage.kubectl.wait("condition=AbleToScale", "hpa/orders", "60s").await.unwrap();
    let autoscaler = stage.kubectl.get("hpa", "orders").await.unwrap();
    assert_eq!(autoscaler["status"]["currentReplicas"], 1, "{autoscaler}");
}

async fn claim(stage: &Stage) -> serde_json::Value {
    stage.kubectl.get("pvc", "log-orders-0").await.unwrap()["metadata"]["uid"].clone()
}
