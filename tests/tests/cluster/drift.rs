//! What becomes of a child that someone edits or deletes, and of one that nobody asks for any more.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::stage::Stage;

/// A child that was edited is back within this time, on a machine that runs other tests.
const SOON: Duration = Duration::from_secs(20);

/// Children with a merge patch of what the operator wrote, and where that is.
const EDITS: [(&str, &str, &str, &str); 8] = [
    ("statefulset", "orders", r#"{"spec":{"replicas":0}}"#, "/spec/replicas"),
    (
        "service",
        "orders",
        r#"{"spec":{"selector":{"app.kubernetes.io/instance":"other"}}}"#,
        "/spec/selector",
    ),
    (
        "service",
        "orders-pods",
        r#"{"spec":{"publishNotReadyAddresses":false}}"#,
        "/spec/publishNotReadyAddresses",
    ),
    ("configmap", "orders", r#"{"data":{"kivi.yaml":"mine"}}"#, "/data"),
    ("configmap", "orders-ca", r#"{"data":{"ca.crt":"mine"}}"#, "/data"),
    ("serviceaccount", "orders", r#"{"automountServiceAccountToken":true}"#, "/automountServiceAccountToken"),
    ("networkpolicy", "orders", r#"{"spec":{"ingress":[{}]}}"#, "/spec/ingress"),
    ("ingress", "orders", r#"{"spec":{"rules":[{"host":"evil.example"}]}}"#, "/spec/rules/0/host"),
];

const SPEC: &str = "{networkPolicy: {enabled: true}, ingress: {host: orders.example.com}}";

#[tokio::test]
async fn each_child_that_is_edited_or_deleted_is_put_back() {
    let stage = Stage::open("drift").await;
    drop(stage.ready_store("orders", SPEC).await);
    for (kind, name, patch, field) in EDITS {
        let before = stage.kubectl.get(kind, name).await.unwrap();
        stage.kubectl.run(["patch", kind, name, "--type=merge", "-p", patch]).await.unwrap();
        until(&stage, kind, name, |child| child.pointer(field) == before.pointer(field)).await;
    }
    // As a tool that restores objects does: nothing tells whose child it is but its labels.
    let owners = r#"[{"op":"remove","path":"/metadata/ownerReferences"}]"#;
    for kind in ["service", "configmap", "statefulset"] {
        stage.kubectl.run(["patch", kind, "orders", "--type=json", "-p", owners]).await.unwrap();
        until(&stage, kind, "orders", |child| child["metadata"]["ownerReferences"][0]["name"] == "orders")
            .await;
    }
    // The pod's image cannot be had; that the pod comes back shows that the template did.
    let image = r#"[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"nosuch"}]"#;
    stage.kubectl.run(["patch", "statefulset", "orders", "--type=json", "-p", image]).await.unwrap();
    let image = "/spec/template/spec/containers/0/image";
    until(&stage, "statefulset", "orders", |set| set.pointer(image) != Some(&json!("nosuch"))).await;
    stage.wait_ready("orders").await;

    let deleted = EDITS.map(|(kind, name, _, _)| (kind, name));
    for (kind, name) in deleted.into_iter().chain([("secret", "orders-tls"), ("secret", "orders-token")]) {
        let uid = stage.kubectl.get(kind, name).await.unwrap()["metadata"]["uid"].clone();
        stage.kubectl.run(["delete", kind, name, "--wait=false"]).await.unwrap();
        until(&stage, kind, name, |child| child["metadata"]["uid"] != uid).await;
    }
    stage.wait_ready("orders").await;
}

/// Of two ports of one name an apply can make nothing: it keeps what others added to a list.
#[tokio::test]
async fn what_an_edit_made_invalid_is_put_back_and_what_the_spec_drops_later_still_goes() {
    let stage = Stage::open("invalid").await;
    let spec = |note: &str| format!("{{stopped: true, service: {{annotations: {{{note}}}}}}}");
    stage.apply_store("orders", &spec("example.com/note: old")).await.unwrap();
    let note = |service: &Value| service["metadata"]["annotations"]["example.com/note"].clone();
    until(&stage, "service", "orders", |service| note(service) == "old").await;
    let edit = r#"{"spec":{"ports":[{"name":"https","port":8443}]}}"#;
    stage.kubectl.run(["patch", "service", "orders", "--type=merge", "-p", edit]).await.unwrap();
    until(&stage, "service", "orders", |service| {
        let ports = service["spec"]["ports"].as_array().unwrap();
        ports.len() == 1 && ports[0]["port"] == 443
    })
    .await;
    stage.apply_store("orders", &spec("")).await.unwrap();
    until(&stage, "service", "orders", |service| note(service).is_null()).await;
}

#[tokio::test]
async fn a_child_that_the_spec_no_longer_asks_for_is_removed() {
    let stage = Stage::open("unwanted").await;
    stage
        .apply_store("orders", &SPEC.replace("{networkPolicy", "{stopped: true, networkPolicy"))
        .await
        .unwrap();
    for kind in ["networkpolicy", "ingress"] {
        stage.kubectl.wait("create", &format!("{kind}/orders"), "30s").await.unwrap();
    }
    stage.apply_store("orders", "{stopped: true}").await.unwrap();
    stage.until_empty("networkpolicy,ingress", "app.kubernetes.io/instance=orders").await;
    // What every spec asks for is still there.
    stage.kubectl.get("serviceaccount", "orders").await.unwrap();
}

async fn until(stage: &Stage, kind: &str, name: &str, holds: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + SOON;
    loop {
        let child = stage.kubectl.get(kind, name).await.unwrap_or_default();
        if !child.is_null() && holds(&child) {
            return;
        }
        assert!(Instant::now() < deadline, "{kind} {name} was not put back: {child}");
        sleep(Duration::from_millis(100)).await;
    }
}
