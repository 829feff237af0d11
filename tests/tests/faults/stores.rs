//! Stores that go all at once, and one that cannot be read.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::own::{Own, reaction};
use crate::stage::Stage;

#[tokio::test]
async fn a_namespace_goes_with_its_stores_and_nothing_fails() {
    let stage = Stage::open_without_operator("leaving").await;
    let namespace = stage.kubectl.current_namespace().to_owned();
    until_alone(&stage, &namespace).await;
    let own = Own::start(&[], None).await;
    for name in ["one", "two", "three"] {
        stage.apply_store(name, "{}").await.unwrap();
    }
    for name in ["one", "two", "three"] {
        stage.wait_ready(name).await;
    }
    let failures = own.metric("kivi_operator_reconciliation_failures_total").await;
    let start = Instant::now();
    stage.kubectl.run(["delete", "namespace", &namespace, "--timeout=90s"]).await.unwrap();
    println!("the namespace was gone within {:?}", start.elapsed());
    assert_eq!(own.metric("kivi_operator_reconciliation_failures_total").await, failures);
    own.stop().await;
    // The last tests of the suite leave things as they were.
    stage.with_operator().await;
}

/// Waits until the stores of earlier tests are gone, before there is an operator: their failures would be counted too, also of
/// those that it is about when they go.
async fn until_alone(stage: &Stage, namespace: &str) {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let all = ["get", "kvs", "-A", "-o", "jsonpath={.items[*].metadata.namespace}"];
        let namespaces = stage.kubectl.run(all).await.unwrap();
        if namespaces.split_whitespace().all(|other| other == namespace) {
            return;
        }
        assert!(Instant::now() < deadline, "stores of other tests are still there: {namespaces}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_read_stops_nobody_else() {
    let stage = Stage::open_without_operator("malformed").await;
    let own = Own::start(&[], None).await;
    drop(stage.ready_store("sound", "{}").await);
    // As if it had been stored when the definition was less strict.
    let crd = stage.kubectl.get("crd", "keyvaluestores.kivi.dev").await.unwrap();
    let strict = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        ["monitoring"];
    define(&stage, &json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})).await;
    // Until the API server takes it.
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = stage.apply_store("odd", "{monitoring: {labels: many}}").await {
        assert!(Instant::now() < deadline, "{error}");
        sleep(Duration::from_millis(250)).await;
    }
    define(&stage, strict).await;

    reaction(&stage, "sound", "beside it", Duration::from_secs(10)).await;
    // A new leader lists both.
    own.stop().await;
    let own = Own::start(&[], None).await;
    reaction(&stage, "sound", "listed with it", Duration::from_secs(10)).await;
    let degraded = stage.condition("odd", "Degraded").await;
    assert_eq!(
        (&degraded["status"], &degraded["reason"]),
        (&"True".into(), &"Malformed".into()),
        "{degraded}"
    );
    stage.kubectl.run(["delete", "kvs", "odd", "--timeout=20s"]).await.unwrap();
    own.stop().await;
    // The last tests of the suite leave things as they were.
    stage.with_operator().await;
}

/// Replaces what the definition says of a section that no rule of another one looks into.
async fn define(stage: &Stage, section: &Value) {
    let place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/monitoring";
    let patch = json!([{"op": "replace", "path": place, "value": section}]).to_string();
    let command = ["patch", "crd", "keyvaluestores.kivi.dev", "--type=json", "-p", &patch];
    stage.kubectl.run(command).await.unwrap();
}
