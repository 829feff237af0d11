//! What a user sees of the definition: descriptions, bounds, defaults, columns.

// Clippy knows `#[test]` functions, not the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use kivi_crds::{KeyValueStoreSpec, crd, definitions};
use serde_json::Value;

fn version() -> Value {
    serde_json::to_value(crd()).unwrap()["spec"]["versions"][0].clone()
}

fn spec() -> Value {
    version()["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// The specs of every definition.
fn specs() -> Vec<Value> {
    let spec = |definition| {
        let crd = serde_json::to_value(definition).unwrap();
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
    };
    definitions().into_iter().map(spec).collect()
}

/// Visits each field below a schema, with its path.
fn each_field(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        visit(&path, field);
        each_field(&path, field, visit);
    }
}

#[test]
fn every_field_is_described_by_a_sentence() {
    let mut described = |path: &str, field: &Value| {
        let text = field["description"].as_str().unwrap_or_default();
        assert!(text.ends_with('.') && text.len() > 15, "{path}: `{text}`");
    };
    for spec in specs() {
        each_field("spec", &spec, &mut described);
    }
}

#[test]
fn every_text_list_and_map_is_bounded_and_nothing_is_nullable() {
    let mut bounded = |path: &str, field: &Value| {
        let bounded = match field["type"].as_str() {
            Some("string") => field.get("maxLength").is_some() || field.get("enum").is_some(),
            Some("array") => field.get("maxItems").is_some(),
            Some("integer") => field.get("minimum").is_some() && field.get("maximum").is_some(),
            Some("object") if field.get("additionalProperties").is_some() => {
                field.get("maxProperties").is_some()
            }
            None => field.get("maxLength").is_some(),
            Some(_) => true,
        };
        assert!(bounded, "{path} has no bound: {field}");
        assert!(field.get("nullable").is_none(), "{path} is nullable");
    };
    for spec in specs() {
        each_field("spec", &spec, &mut bounded);
    }
}

#[test]
fn the_schemas_defaults_are_the_types_defaults() {
    let empty: KeyValueStoreSpec = serde_yaml::from_str("{}").unwrap();
    let typed = serde_json::to_value(&empty).unwrap();
    for (name, field) in spec()["properties"].as_object().unwrap() {
        assert_eq!(field["default"], typed[name], "{name}");
    }
}

#[test]
fn a_store_as_a_user_writes_it_is_read() {
    let full = r"
version: 0.1.0
replicas: 1
log: {file: {size: 1Gi, storageClassName: null, sync: Always, syncInterval: 1s, segmentSize: 64Mi, compactAtGarbage: 50}}
retention: {whenDeleted: Retain, whenScaled: Delete}
limits: {keyBytes: 1024, valueBytes: 1048576, memory: 256Mi}
tls: {managed: {duration: 2160h, renewBefore: 720h}}
auth: {anonymous: Read, tokensSecretRef: null}
sidecar:
  enabled: true
  cache: {maxBytes: 64Mi, maxObjectBytes: 4Mi, ttl: 0s, negativeTtl: 0s, splitBy: [Token, Header=X-Account]}
  throttle: {rate: null, burst: null, by: Client, onExcess: Reject}
  resources: {limits: {cpu: 2, memory: 64Mi}}
service: {type: LoadBalancer, port: 8443, annotations: {a: b}}
pod: {nodeSelector: {disk: ssd}, tolerations: [{key: a, operator: Exists}], affinity: {nodeAffinity: {}}}
monitoring: {serviceMonitor: true, labels: {release: prometheus}}
";
    let spec: KeyValueStoreSpec = serde_yaml::from_str(full).unwrap();
    assert_eq!(spec.limits.value_bytes.bytes(), 1 << 20);
    let again: KeyValueStoreSpec = serde_json::from_value(serde_json::to_value(&spec).unwrap()).unwrap();
    assert_eq!(again, spec);
}

#[test]
fn kubectl_shows_and_scales() {
    let version = version();
    let columns: Vec<(&str, i64)> = version["additionalPrinterColumns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (column["name"].as_str().unwrap(), column["priority"].as_i64().unwrap_or_default()))
        .collect();
    assert_eq!(
        columns,
        [
            ("READY", 0),
            ("REPLICAS", 0),
            ("LOG", 0),
            ("ENDPOINT", 0),
            ("VERSION", 1),
            ("MESSAGE", 1),
            ("AGE", 0)
        ]
    );
    assert_eq!(version["subresources"]["scale"]["labelSelectorPath"], ".status.selector");
    assert!(version["subresources"].get("status").is_some());
}
