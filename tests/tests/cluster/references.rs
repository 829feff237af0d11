//! A Secret that a user names but has not made yet.

use rcgen::generate_simple_self_signed;

use crate::stage::Stage;

#[tokio::test]
async fn a_missing_certificate_shows_in_the_conditions_and_heals() {
    let stage = Stage::open("references").await;
    stage.apply_store("orders", "{tls: {secretRef: {name: mine}}}").await.unwrap();
    stage.kubectl.wait("condition=CertificateReady=False", "kvs/orders", "60s").await.unwrap();
    let condition = stage.condition("orders", "CertificateReady").await;
    assert_eq!(condition["reason"], "SecretNotFound", "{condition}");
    assert!(condition["message"].as_str().unwrap().contains("mine"), "{condition}");
    assert_eq!(stage.condition("orders", "Ready").await["status"], "False");

    let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "mine"},
        "stringData": {"tls.crt": pair.cert.pem(), "tls.key": pair.signing_key.serialize_pem()},
    });
    stage.kubectl.apply(&secret.to_string()).await.unwrap();
    stage.wait_ready("orders").await;
}

#[tokio::test]
async fn the_secret_of_another_store_is_taken_as_soon_as_it_is_there() {
    let stage = Stage::open("shared").await;
    let reason =
        |reason: &str| format!("jsonpath={{.status.conditions[?(@.type=='Ready')].reason}}={reason}");
    let spec = "{stopped: true, auth: {tokensSecretRef: {name: orders-token}}}";
    stage.apply_store("copy", spec).await.unwrap();
    stage.kubectl.wait(&reason("SecretNotFound"), "kvs/copy", "60s").await.unwrap();
    stage.apply_store("orders", "{stopped: true}").await.unwrap();
    stage.kubectl.wait(&reason("Stopped"), "kvs/copy", "60s").await.unwrap();
}

#[tokio::test]
async fn a_users_own_tokens_are_accepted_and_each_alone_suffices() {
    let stage = Stage::open("tokens").await;
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "callers"},
        "stringData": {"alice": "token-of-alice", "bob": "token-of-bob"},
    });
    stage.kubectl.apply(&secret.to_string()).await.unwrap();
    stage.apply_store("orders", "{auth: {tokensSecretRef: {name: callers}}}").await.unwrap();
    stage.wait_ready("orders").await;
    for token in ["token-of-alice", "token-of-bob"] {
        let client = stage.client_with_token("orders", token).await;
        client.1.get(b"anything").await.unwrap();
    }
    let stranger = stage.client_with_token("orders", "token-of-eve").await;
    assert_eq!(stranger.1.get(b"anything").await.unwrap_err().status().unwrap(), 401);
}
