//! Whose a volume is: a store takes up its own, and nobody else's unasked. And one that grows by itself.

use kivi_api::Precondition;
use kivi_tests::resizer;
use serde_json::json;

use crate::stage::Stage;

const CLAIM: &str = "log-orders-0";

#[tokio::test]
async fn a_claim_of_somebody_else_is_mounted_only_once_it_is_given() {
    let stage = Stage::open("foreign").await;
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM, "annotations": {"kivi.dev/store": "elsewhere/billing"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    stage.kubectl.apply(&claim.to_string()).await.unwrap();
    stage.apply_store("orders", "{}").await.unwrap();
    let refused = "jsonpath={.status.conditions[?(@.type=='Ready')].reason}=VolumeForeign";
    stage.kubectl.wait(refused, "kvs/orders", "60s").await.unwrap();
    let message = stage.condition("orders", "Degraded").await["message"].as_str().unwrap().to_owned();
    assert!(message.contains("it holds the log of store elsewhere/billing"), "{message}");
    assert!(stage.kubectl.get("statefulset", "orders").await.is_err(), "a pod could have mounted it");

    let own = format!("{}/orders", stage.kubectl.current_namespace());
    assert!(message.contains(&format!("kubectl annotate pvc {CLAIM} kivi.dev/adopt={own}")), "{message}");
    stage.kubectl.run(["annotate", "pvc", CLAIM, &format!("kivi.dev/adopt={own}")]).await.unwrap();
    stage.wait_ready("orders").await;
    let claim = stage.kubectl.get("pvc", CLAIM).await.unwrap();
    assert_eq!(claim["metadata"]["annotations"]["kivi.dev/store"], own.as_str());
    assert_eq!(claim["metadata"]["labels"]["app.kubernetes.io/instance"], "orders");
}

#[tokio::test]
async fn a_claim_that_somebody_deletes_is_told_and_no_pod_replaced_that_holds_it() {
    let stage = Stage::open("deleted-claim").await;
    let store = stage.ready_store("orders", "{}").await;
    store.client().unwrap().put(b"kept", "precious", None, Precondition::None).await.unwrap();
    let pod = stage.pod_uid("orders-0").await;
    stage.kubectl.run(["delete", "pvc", CLAIM, "--wait=false"]).await.unwrap();
    let told = "jsonpath={.status.conditions[?(@.type=='Degraded')].reason}=VolumeTerminating";
    stage.kubectl.wait(told, "kvs/orders", "60s").await.unwrap();
    assert_eq!(stage.condition("orders", "Ready").await["status"], "True", "it serves all the same");
    assert_eq!(
        stage.kubectl.get("kvs", "orders").await.unwrap()["status"]["volumes"][0]["phase"],
        "Terminating"
    );

    stage.kubectl.run(["annotate", "kvs", "orders", "kivi.dev/restart=now"]).await.unwrap();
    let held = "jsonpath={.status.conditions[?(@.type=='Progressing')].reason}=RolloutHeld";
    stage.kubectl.wait(held, "kvs/orders", "60s").await.unwrap();
    assert_eq!(stage.pod_uid("orders-0").await, pod);
    let value = store.client().unwrap().get(b"kept").await.unwrap().expect("the value is gone");
    assert_eq!(value.bytes, "precious");

    stage.kubectl.run(["delete", "pod", "orders-0"]).await.unwrap();
    stage.wait_ready("orders").await;
    let annotations = stage.kubectl.get("pod", "orders-0").await.unwrap()["metadata"]["annotations"].clone();
    assert_eq!(annotations["kivi.dev/restart"], "now");
}

#[tokio::test]
async fn a_volume_grows_by_itself_as_far_as_it_may() {
    let stage = Stage::open("auto-grow").await;
    let auto = "autoGrow: {threshold: 50, step: 64Mi, max: 100Mi}";
    let spec = format!("{{log: {{file: {{size: 64Mi, segmentSize: 16Mi, {auto}}}}}}}");
    let store = stage.ready_store("orders", &spec).await;
    // The volume behind is larger; for this test it is not.
    resizer::grow(&stage.kubectl, CLAIM).await.unwrap();
    let client = store.client().unwrap();
    let value = "x".repeat(1 << 20);
    for number in 0..40 {
        let key = format!("key-{number}");
        client.put(key.as_bytes(), value.clone(), None, Precondition::None).await.unwrap();
    }
    let pod = stage.pod_uid("orders-0").await;
    let asks = "jsonpath={.spec.resources.requests.storage}=100Mi";
    if stage.kubectl.wait(asks, &format!("pvc/{CLAIM}"), "90s").await.is_err() {
        // Beside the cluster, the operator may not be on the pods' network; then it says that it cannot ask.
        assert!(std::env::var_os("KIVI_OPERATOR").is_some(), "the volume does not grow");
        assert_eq!(stage.condition("orders", "StorageReady").await["reason"], "AutoGrowBlind");
        return;
    }
    resizer::grow(&stage.kubectl, CLAIM).await.unwrap();
    stage.until_template("orders", "100Mi").await;
    for number in 40..60 {
        let key = format!("key-{number}");
        client.put(key.as_bytes(), value.clone(), None, Precondition::None).await.unwrap();
    }
    let full = "jsonpath={.status.conditions[?(@.type=='Degraded')].reason}=AutoGrowAtMax";
    stage.kubectl.wait(full, "kvs/orders", "90s").await.unwrap();
    assert_eq!(stage.kubectl.get("kvs", "orders").await.unwrap()["spec"]["log"]["file"]["size"], "64Mi");
    assert_eq!(stage.pod_uid("orders-0").await, pod);
}
