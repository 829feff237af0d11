//! The node's agent goes and comes back; a node goes for good.

use std::time::Duration;

use kivi_cluster::{Cluster, Component};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::stage::Stage;

#[tokio::test]
async fn a_restart_of_the_kubelet_leaves_a_store_alone() {
    let stage = Stage::open("kubelet").await;
    drop(stage.ready_store("orders", "{}").await);
    let before = stage.pod_uid("orders-0").await;
    tokio::task::spawn_blocking(|| Cluster::attach()?.restart(Component::Kubelet)).await.unwrap().unwrap();
    stage.wait_ready("orders").await;
    let pod = stage.kubectl.get("pod", "orders-0").await.unwrap();
    assert_eq!(stage.pod_uid("orders-0").await, before);
    assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0);
}

/// The node that is lost is an object alone: nobody runs on it, and the test says for its kubelet that the pod is up.
#[tokio::test]
async fn a_lost_node_is_told_and_its_pod_moves_once_the_node_is_said_to_be_off() {
    let stage = Stage::open("lost").await;
    let folder = tempfile::tempdir().unwrap();
    let namespace = stage.kubectl.current_namespace().to_owned();
    stage.kubectl.apply(&objects(&namespace, folder.path()).to_string()).await.unwrap();
    let ready = json!({"type": "Ready", "status": "True", "reason": "Test", "message": "", "lastHeartbeatTime": now(&stage).await});
    let capacity = json!({"cpu": "4", "memory": "8Gi", "pods": "20"});
    let status = json!({"status": {"conditions": [ready], "capacity": capacity, "allocatable": capacity}});
    patch_status(&stage, "node/lost", &status).await;
    // A new node takes no pod until the controller of nodes has seen it ready.
    let deadline = Instant::now() + Duration::from_secs(30);
    while stage.kubectl.get("node", "lost").await.unwrap()["spec"]["taints"].is_array() {
        assert!(Instant::now() < deadline, "the node stays tainted");
        sleep(Duration::from_millis(250)).await;
    }
    // It would be the first choice of this pod, and no other's: only the pod's volume may be there.
    let spec = "{log: {file: {size: 3Gi}}, pod: {affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, preference: {matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [lost]}]}}]}}}}";
    stage.apply_store("orders", spec).await.unwrap();
    stage.kubectl.wait("create", "pod/orders-0", "60s").await.unwrap();
    stage.kubectl.wait("condition=PodScheduled", "pod/orders-0", "60s").await.unwrap();
    let pod = stage.kubectl.get("pod", "orders-0").await.unwrap();
    assert_eq!(pod["spec"]["nodeName"], "lost", "{}", pod["status"]);
    let up = |kind: &str| json!({"type": kind, "status": "True"});
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(up);
    patch_status(&stage, "pod/orders-0", &json!({"status": {"phase": "Running", "conditions": conditions}}))
        .await;
    stage.wait_ready("orders").await;
    let (first, claim) =
        (stage.pod_uid("orders-0").await, stage.kubectl.get("pvc", "log-orders-0").await.unwrap());

    // No heartbeat comes any more.
    let deadline = Instant::now() + Duration::from_secs(100);
    while stage.condition("orders", "Degraded").await["reason"] != "NodeLost" {
        assert!(Instant::now() < deadline, "{}", stage.kubectl.get("kvs", "orders").await.unwrap()["status"]);
        sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(stage.condition("orders", "Ready").await["status"], "False");
    assert_eq!(stage.pod_uid("orders-0").await, first, "it may still run and write");

    let taint = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute";
    stage.kubectl.run(["taint", "node", "lost", taint]).await.unwrap();
    stage.wait_ready("orders").await;
    let pod = stage.kubectl.get("pod", "orders-0").await.unwrap();
    assert_eq!(pod["spec"]["nodeName"], "kivi");
    assert_ne!(stage.pod_uid("orders-0").await, first);
    let after = stage.kubectl.get("pvc", "log-orders-0").await.unwrap();
    assert_eq!(after["metadata"]["uid"], claim["metadata"]["uid"], "the same volume");
    stage.kubectl.run(["delete", "kvs", "orders", "--cascade=foreground", "--timeout=60s"]).await.unwrap();
    stage.kubectl.run(["delete", "node/lost", "pv/kivi-test-lost", "--wait=false"]).await.unwrap();
}

/// The node, and a volume that both nodes reach, kept for the store's claim.
fn objects(namespace: &str, folder: &std::path::Path) -> serde_json::Value {
    let hosts = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": ["kivi", "lost"]});
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "lost", "labels": {"kubernetes.io/hostname": "lost"}}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "kivi-test-lost"}, "spec": {
            "capacity": {"storage": "3Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "local",
            "claimRef": {"namespace": namespace, "name": "log-orders-0"},
            "local": {"path": folder},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [hosts]}]}},
        }},
    ]})
}

async fn patch_status(stage: &Stage, object: &str, status: &serde_json::Value) {
    let patch = status.to_string();
    stage.kubectl.run(["patch", object, "--subresource=status", "--type=merge", "-p", &patch]).await.unwrap();
}

/// The API server's time, as it writes it.
async fn now(stage: &Stage) -> String {
    let namespace = stage.kubectl.get("namespace", stage.kubectl.current_namespace()).await.unwrap();
    namespace["metadata"]["creationTimestamp"].as_str().unwrap().to_owned()
}
