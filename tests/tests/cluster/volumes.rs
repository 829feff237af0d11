//! Volumes grow by an edit of the store, whether it serves or not, and nothing that is on them is lost on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kivi_api::Precondition;
use kivi_tests::resizer;
use serde_json::{Value, json};

use crate::stage::Stage;

const CLAIM: &str = "log-orders-0";

async fn requested(stage: &Stage) -> Value {
    stage.kubectl.get("pvc", CLAIM).await.unwrap()["spec"]["resources"]["requests"]["storage"].clone()
}

async fn until_reason(stage: &Stage, condition: &str, reason: &str) -> String {
    let path = format!("jsonpath={{.status.conditions[?(@.type=='{condition}')].reason}}={reason}");
    stage.kubectl.wait(&path, "kvs/orders", "60s").await.unwrap();
    stage.condition("orders", condition).await["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_volume_grows_under_writes_and_goes_with_its_store_where_that_is_asked() {
    let stage = Stage::open("growth").await;
    let spec =
        |size: &str| format!("{{retention: {{whenDeleted: Delete}}, log: {{file: {{size: {size}}}}}}}");
    let store = stage.ready_store("orders", "{}").await;
    // A changed policy holds for the claims that are there.
    stage.apply_store("orders", &spec("1Gi")).await.unwrap();
    let owner = "jsonpath={.metadata.ownerReferences[0].kind}=StatefulSet";
    stage.kubectl.wait(owner, &format!("pvc/{CLAIM}"), "60s").await.unwrap();
    let (pod, set) = (stage.kubectl.get("pod", "orders-0").await.unwrap(), statefulset(&stage).await);

    let stop = Arc::new(AtomicBool::new(false));
    let (client, stopped) = (store.client().unwrap(), stop.clone());
    let writer = tokio::spawn(async move {
        let mut written = 0_u32;
        while !stopped.load(Ordering::Relaxed) {
            let key = format!("key-{written}");
            client.put(key.as_bytes(), "value", None, Precondition::None).await.unwrap();
            written += 1;
        }
        written
    });
    stage.apply_store("orders", &spec("2Gi")).await.unwrap();
    stage.until_template("orders", "2Gi").await;
    stage.kubectl.wait(owner, &format!("pvc/{CLAIM}"), "60s").await.unwrap();
    let message = until_reason(&stage, "StorageReady", "Resizing").await;
    assert!(message.contains("has 1Gi and is to get 2Gi"), "{message}");
    assert_eq!(requested(&stage).await, "2Gi");
    assert_ne!(statefulset(&stage).await, set, "a template of claims cannot have changed in place");
    resizer::grow(&stage.kubectl, CLAIM).await.unwrap();
    until_reason(&stage, "StorageReady", "VolumesBound").await;
    stage.wait_ready("orders").await;
    stop.store(true, Ordering::Relaxed);
    assert!(writer.await.unwrap() > 0, "no write failed, and none was made");

    let now = stage.kubectl.get("pod", "orders-0").await.unwrap();
    assert_eq!(now["metadata"]["uid"], pod["metadata"]["uid"]);
    for kind in ["containerStatuses", "initContainerStatuses"] {
        assert_eq!(now["status"][kind][0]["restartCount"], 0, "{now}");
    }
    let owners = &now["metadata"]["ownerReferences"];
    assert_eq!(owners[0]["uid"], statefulset(&stage).await, "the new StatefulSet has taken the pod up");
    let refusal = stage.apply_store("orders", &spec("1Gi")).await.unwrap_err().to_string();
    assert!(refusal.contains("size cannot shrink below what a volume has"), "{refusal}");

    drop(store);
    stage.kubectl.run(["delete", "kvs", "orders", "--timeout=60s"]).await.unwrap();
    stage.until_empty("pvc", "app.kubernetes.io/instance=orders").await;
}

async fn statefulset(stage: &Stage) -> Value {
    stage.kubectl.get("statefulset", "orders").await.unwrap()["metadata"]["uid"].clone()
}

#[tokio::test]
async fn a_volume_grows_while_its_pod_is_down_and_a_growth_that_fails_is_taken_back() {
    let stage = Stage::open("growth-down").await;
    drop(stage.ready_store("orders", "{}").await);
    let spec =
        |size: &str| format!("{{pod: {{nodeSelector: {{disk: nosuch}}}}, log: {{file: {{size: {size}}}}}}}");
    stage.apply_store("orders", &spec("1Gi")).await.unwrap();
    until_reason(&stage, "Ready", "PodUnschedulable").await;

    stage.apply_store("orders", &spec("500Gi")).await.unwrap();
    stage.until_template("orders", "500Gi").await;
    assert_eq!(requested(&stage).await, "500Gi");
    resizer::fail(&stage.kubectl, CLAIM, "the pool holds 100Gi").await.unwrap();
    let message = until_reason(&stage, "Degraded", "ResizeInfeasible").await;
    assert!(message.contains("has 1Gi and cannot get 500Gi: the pool holds 100Gi"), "{message}");

    stage.apply_store("orders", &spec("2Gi")).await.unwrap();
    stage.until_template("orders", "2Gi").await;
    assert_eq!(requested(&stage).await, "2Gi");
    resizer::grow(&stage.kubectl, CLAIM).await.unwrap();
    until_reason(&stage, "StorageReady", "VolumesBound").await;
    stage.apply_store("orders", "{log: {file: {size: 2Gi}}}").await.unwrap();
    stage.wait_ready("orders").await;
}

#[tokio::test]
async fn a_class_that_lets_nothing_grow_is_told_and_asked_again() {
    let stage = Stage::open("growth-refused").await;
    let class = format!("kivi-fixed-{}", std::process::id());
    // Nobody can write to such a volume: the server fails, which keeps nothing from growing either.
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": class},
         "provisioner": "kubernetes.io/no-provisioner", "allowVolumeExpansion": false},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": class}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": class,
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/sys"}}},
    ]});
    stage.kubectl.apply(&objects.to_string()).await.unwrap();
    let spec = |size: &str| format!("{{log: {{file: {{size: {size}, storageClassName: {class}}}}}}}");
    stage.apply_store("orders", &spec("1Gi")).await.unwrap();
    stage.kubectl.wait("create", &format!("pvc/{CLAIM}"), "60s").await.unwrap();
    stage.kubectl.wait("jsonpath={.status.phase}=Bound", &format!("pvc/{CLAIM}"), "60s").await.unwrap();

    stage.apply_store("orders", &spec("2Gi")).await.unwrap();
    let message = until_reason(&stage, "StorageReady", "ResizeRefused").await;
    assert!(
        message.contains("does not let it ask for 2Gi: ")
            && message.contains("take spec.log.file.size back to 1Gi"),
        "{message}"
    );
    assert_eq!(stage.condition("orders", "Degraded").await["reason"], "ResizeRefused");
    stage.apply_store("orders", &spec("1Gi")).await.unwrap();
    let path = "jsonpath={.status.conditions[?(@.type=='StorageReady')].reason}=VolumesBound";
    stage.kubectl.wait(path, "kvs/orders", "60s").await.unwrap();
    stage.kubectl.run(["delete", "storageclass", &class]).await.unwrap();
    stage.kubectl.run(["delete", "pv", &class, "--wait=false"]).await.unwrap();
}
