//! The API server refuses a bad resource, with a sentence.

use crate::stage::Stage;

/// A spec and the sentence that refuses it.
const REFUSED: &[(&str, &str)] = &[
    ("replicas: 2", "replicas"),
    ("replicas: -1", "replicas"),
    ("log: {}", "log"),
    ("log: {file: {size: 1Mi}}", "size must be"),
    ("log: {file: {segmentSize: 2Gi}}", "segmentSize must"),
    ("log: {file: {syncInterval: 61s}}", "syncInterval must be from 1ms to 60s"),
    ("log: {file: {compactAtGarbage: 100}}", "compactAtGarbage"),
    ("limits: {keyBytes: 5000}", "keyBytes"),
    ("limits: {valueBytes: 65Mi}", "valueBytes must be from 1 to 64Mi"),
    ("limits: {memory: 1Mi}", "memory must be"),
    (
        "limits: {keyBytes: 4096, requestHeadBytes: 8Ki}",
        "requestHeadBytes must be at least 3 x keyBytes + 4Ki",
    ),
    ("limits: {watchers: 10000}", "watchers must be fewer than connections"),
    ("tls: {managed: {}, disabled: {}}", "tls"),
    ("sidecar: {cache: {maxObjectBytes: 2Gi}}", "maxObjectBytes must be from 1Ki to 1Gi"),
    ("sidecar: {cache: {splitBy: ['Header=a b']}}", "splitBy"),
    ("sidecar: {throttle: {burst: 5}}", "burst needs rate"),
    ("sidecar: {timeouts: {request: 2h}}", "request must be from 1ms to 1h"),
    ("sidecar: {timeouts: {request: soon}}", "request"),
    ("sidecar: {tracing: {endpoint: collector}}", "endpoint"),
    ("auth: {anonymous: Everything}", "anonymous"),
];

#[tokio::test]
async fn each_rule_refuses_with_its_sentence() {
    let stage = Stage::open("admission").await;
    for (spec, sentence) in REFUSED {
        let refusal = stage.apply_store("bad", &format!("{{{spec}}}")).await.unwrap_err().to_string();
        assert!(refusal.contains(sentence), "{spec}: {refusal}");
    }
    let long = "a".repeat(41);
    let refusal = stage.apply_store(&long, "{}").await.unwrap_err().to_string();
    assert!(refusal.contains("40 characters"), "{refusal}");
}

#[tokio::test]
async fn what_must_not_change_cannot() {
    let stage = Stage::open("transitions").await;
    stage
        .apply_store("fixed", "{stopped: true, log: {file: {size: 2Gi, storageClassName: one}}}")
        .await
        .unwrap();
    for (spec, sentence) in [
        ("log: {file: {size: 1Gi, storageClassName: one}}", "size cannot shrink"),
        ("log: {file: {size: 2Gi, storageClassName: two}}", "storageClassName cannot change"),
    ] {
        let refusal =
            stage.apply_store("fixed", &format!("{{stopped: true, {spec}}}")).await.unwrap_err().to_string();
        assert!(refusal.contains(sentence), "{spec}: {refusal}");
    }
}
