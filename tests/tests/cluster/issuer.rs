//! cert-manager issues a store's certificate, and the store passes from one source of certificates to another.

use std::time::Duration;

use kivi_tests::cert_manager;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::handshake::served;
use crate::stage::Stage;

#[tokio::test]
async fn a_certificate_of_cert_manager_is_served_and_its_authority_published() {
    let stage = Stage::open("issuer").await;
    cert_manager::ensure(&stage.kubectl).await.unwrap();
    let spec = "{tls: {issuerRef: {name: ca, dnsNames: [kv.example.com]}}}";
    stage.apply_store("orders", spec).await.unwrap();
    stage.kubectl.wait("condition=CertificateReady=False", "kvs/orders", "60s").await.unwrap();
    let condition = stage.condition("orders", "CertificateReady").await;
    assert_eq!(condition["reason"], "Issuing", "there is no such issuer yet: {condition}");

    stage.kubectl.apply(&issuers().to_string()).await.unwrap();
    stage.wait_ready("orders").await;
    let status = stage.kubectl.get("kvs", "orders").await.unwrap()["status"]["certificate"].take();
    assert_eq!((&status["secretName"], &status["caConfigMap"]), (&"orders-tls".into(), &"orders-ca".into()));
    assert_eq!(status["generation"], 1);
    let store = stage.reach("orders").await;
    let door = stage.kubectl.forward("svc/orders", 443).await.unwrap();
    for name in ["localhost", "kv.example.com", "orders", "a.orders-pods.shop"] {
        let shown = served(door.address(), name, store.ca()).await;
        assert_eq!(shown.is_ok(), name != "a.orders-pods.shop", "{name}");
    }
    store.client().unwrap().get(b"absent").await.unwrap();

    // The Secret goes with the store, though cert-manager made it.
    let secret = stage.kubectl.get("secret", "orders-tls").await.unwrap();
    assert_eq!(secret["metadata"]["ownerReferences"][0]["kind"], "KeyValueStore");

    // To the operator's own authority, and back.
    let pod = stage.pod_uid("orders-0").await;
    stage.apply_store("orders", "{}").await.unwrap();
    stage.kubectl.wait("delete", "certificate/orders", "60s").await.unwrap();
    let issued = r"jsonpath={.metadata.annotations.kivi\.dev/certificate-generation}=1";
    stage.kubectl.wait(issued, "secret/orders-tls", "30s").await.unwrap();
    stage.kubectl.wait("create", "secret/orders-ca", "30s").await.unwrap();
    stage.apply_store("orders", spec).await.unwrap();
    stage.kubectl.wait("delete", "secret/orders-ca", "60s").await.unwrap();
    let ready = "condition=Ready";
    stage.kubectl.wait(ready, "certificate/orders", "60s").await.unwrap();
    until_published_again(&stage, store.ca()).await;
    stage.wait_ready("orders").await;
    assert_eq!(stage.pod_uid("orders-0").await, pod, "another source of the certificate restarts no pod");

    stage.kubectl.run(["delete", "kvs", "orders", "--timeout=60s"]).await.unwrap();
    stage.until_empty("certificate,secret,configmap", "app.kubernetes.io/instance=orders").await;
}

/// Waits until the bundle is that of the issuer, and nothing of the operator's own certificate is left.
async fn until_published_again(stage: &Stage, ca: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let bundle = stage.kubectl.get("configmap", "orders-ca").await.unwrap()["data"]["ca.crt"].take();
        let secret = stage.kubectl.get("secret", "orders-tls").await.unwrap();
        let own = &secret["metadata"]["annotations"]["kivi.dev/certificate-generation"];
        if bundle == ca && own.is_null() {
            assert_eq!(secret["metadata"]["ownerReferences"][0]["kind"], "KeyValueStore");
            return;
        }
        assert!(Instant::now() < deadline, "the bundle is {bundle}, the Secret's annotation {own}");
        sleep(Duration::from_millis(500)).await;
    }
}

/// An authority that signs itself, and the issuer that issues by it.
fn issuers() -> Value {
    let api = "cert-manager.io/v1";
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": api, "kind": "Issuer", "metadata": {"name": "self"}, "spec": {"selfSigned": {}}},
        {
            "apiVersion": api, "kind": "Certificate", "metadata": {"name": "ca"},
            "spec": {
                "isCA": true, "commonName": "a test's authority", "secretName": "ca",
                "privateKey": {"algorithm": "ECDSA", "size": 256},
                "issuerRef": {"name": "self", "kind": "Issuer", "group": "cert-manager.io"},
            },
        },
        {"apiVersion": api, "kind": "Issuer", "metadata": {"name": "ca"}, "spec": {"ca": {"secretName": "ca"}}},
    ]})
}
