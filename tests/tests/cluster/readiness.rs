//! What a store says of itself is what `kubectl wait` may rely on.

use serde_json::Value;

use crate::stage::Stage;

const READY: &str = "condition=Ready";

#[tokio::test]
async fn whoever_waits_after_a_change_meets_what_it_asked_for() {
    let stage = Stage::open("readiness").await;
    drop(stage.ready_store("orders", "{}").await);
    let first = stage.pod_uid("orders-0").await;

    stage.apply_store("orders", "{limits: {keyBytes: 7}}").await.unwrap();
    stage.kubectl.wait(READY, "kvs/orders", "120s").await.unwrap();
    let second = stage.pod_uid("orders-0").await;
    assert_ne!(second, first, "Ready spoke of the pod of the last spec");

    stage.kubectl.run(["delete", "pod", "orders-0", "--wait=false"]).await.unwrap();
    stage.kubectl.wait("condition=Ready=False", "kvs/orders", "10s").await.unwrap();
    stage.kubectl.wait(READY, "kvs/orders", "120s").await.unwrap();
    assert_ne!(stage.pod_uid("orders-0").await, second, "Ready spoke of a pod that left");
}

#[tokio::test]
async fn a_paused_store_still_tells_what_runs() {
    let stage = Stage::open("paused").await;
    drop(stage.ready_store("orders", "{}").await);
    stage.apply_store("orders", "{paused: true}").await.unwrap();
    stage.kubectl.wait(READY, "kvs/orders", "30s").await.unwrap();
    stage.kubectl.run(["delete", "pod", "orders-0", "--wait=false"]).await.unwrap();
    stage.kubectl.wait("condition=Ready=False", "kvs/orders", "10s").await.unwrap();
    stage.kubectl.wait(READY, "kvs/orders", "120s").await.unwrap();
}

#[tokio::test]
async fn what_keeps_a_pod_away_is_a_sentence_in_the_conditions() {
    let stage = Stage::open("trouble").await;
    for (name, spec, reason, sentence) in [
        (
            "class",
            "{log: {file: {storageClassName: nosuch}}}",
            "VolumeNotProvisioned",
            "\"nosuch\" not found",
        ),
        (
            "priority",
            "{pod: {priorityClassName: nosuch}}",
            "PodNotCreated",
            "no PriorityClass with name nosuch",
        ),
        ("nowhere", "{pod: {nodeSelector: {disk: nosuch}}}", "PodUnschedulable", "Pod nowhere-0 has no node"),
    ] {
        stage.apply_store(name, spec).await.unwrap();
        let told = format!(r"jsonpath={{.status.conditions[?(@.type=='Ready')].reason}}={reason}");
        stage.kubectl.wait(&told, &format!("kvs/{name}"), "60s").await.unwrap();
        let ready = stage.condition(name, "Ready").await;
        assert!(ready["message"].as_str().unwrap().contains(sentence), "{ready}");
        assert_eq!(ready["status"], "False");
        let degraded = stage.condition(name, "Degraded").await;
        // A node may come by itself; a class does not.
        assert_eq!(degraded["status"] == "True", name != "nowhere", "{degraded}");
    }
    let class = stage.condition("class", "StorageReady").await;
    assert!(class["message"].as_str().unwrap().contains("\"nosuch\" not found"), "{class}");
}

#[tokio::test]
async fn what_an_orphaning_deletion_left_is_taken_up_again() {
    let stage = Stage::open("orphans").await;
    drop(stage.ready_store("orders", "{}").await);
    let (pod, token) = (stage.pod_uid("orders-0").await, token(&stage).await);
    stage.kubectl.run(["delete", "kvs", "orders", "--cascade=orphan", "--timeout=60s"]).await.unwrap();
    stage.apply_store("orders", "{}").await.unwrap();
    stage.kubectl.wait(READY, "kvs/orders", "60s").await.unwrap();
    assert_eq!((stage.pod_uid("orders-0").await, self::token(&stage).await), (pod, token));
}

#[tokio::test]
async fn a_token_that_the_spec_comes_to_name_stays_valid() {
    let stage = Stage::open("named").await;
    drop(stage.ready_store("orders", "{}").await);
    let before = token(&stage).await;
    stage.apply_store("orders", "{auth: {tokensSecretRef: {name: orders-token}}}").await.unwrap();
    stage.kubectl.wait(READY, "kvs/orders", "120s").await.unwrap();
    assert_eq!(token(&stage).await, before);
}

#[tokio::test]
async fn an_edit_of_a_child_is_undone_even_where_it_stands_in_the_way() {
    let stage = Stage::open("edits").await;
    drop(stage.ready_store("orders", "{}").await);
    // Beside the operator's own port, this one has the same name: the two together are refused.
    let ports = r#"{"spec":{"ports":[{"name":"https","port":999,"targetPort":1}]}}"#;
    stage.kubectl.run(["patch", "service", "orders", "--type=merge", "-p", ports]).await.unwrap();
    stage.kubectl.wait("jsonpath={.spec.ports[*].port}=443", "service/orders", "30s").await.unwrap();
    stage.kubectl.run(["scale", "statefulset", "orders", "--replicas=2"]).await.unwrap();
    stage.kubectl.wait("jsonpath={.spec.replicas}=1", "statefulset/orders", "30s").await.unwrap();
    stage.kubectl.wait(READY, "kvs/orders", "120s").await.unwrap();
}

async fn token(stage: &Stage) -> Value {
    stage.kubectl.get("secret", "orders-token").await.unwrap()["data"]["token"].clone()
}
