//! The API server itself accepts and refuses what the table of the rules says, with the sentence of each: the text of a
//! rule is not enough, as the API server fills in defaults first, and has a grammar of its own.

use std::path::Path;

use kivi_tests::install;
use kivi_tests::kubectl::Kubectl;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::stage::Stage;

/// How many rows are asked at once.
const AT_ONCE: usize = 4;

/// Refused by a bound or a pattern of the schema, which the table of rules does not hold.
const OUT_OF_BOUNDS: &[(&str, &str)] = &[
    ("{replicas: -1}", "replicas"),
    ("{log: {file: {compactAtGarbage: 100}}}", "compactAtGarbage"),
    ("{limits: {keyBytes: 5000}}", "keyBytes"),
    ("{sidecar: {cache: {splitBy: ['Header=a b']}}}", "splitBy"),
    ("{sidecar: {timeouts: {request: soon}}}", "request"),
    ("{sidecar: {tracing: {endpoint: collector}}}", "endpoint"),
    ("{auth: {anonymous: Everything}}", "anonymous"),
];

/// A store that nothing is made for, however it is spelt.
fn store(name: &str, spec: &Value) -> String {
    let mut spec = if spec.is_object() { spec.clone() } else { json!({}) };
    spec["paused"] = json!(true);
    let metadata = json!({"name": name});
    json!({"apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStore", "metadata": metadata, "spec": spec})
        .to_string()
}

/// An object of the row's kind.
fn object(rule: &Value, name: &str, spec: &Value) -> String {
    let Some(kind) = rule["of"].as_str() else { return store(name, spec) };
    let metadata = json!({"name": name});
    json!({"apiVersion": "kivi.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}).to_string()
}

/// One case of a row; what is there before, if anything, is stored.
async fn ask(kubectl: &Kubectl, name: String, rule: &Value, case: &Value) -> Result<String, String> {
    let name = case["name"].as_str().map_or(name, str::to_owned);
    if case["old"].is_object() {
        kubectl.apply(&object(rule, &name, &case["old"])).await.unwrap();
    }
    if case["status"].is_object() {
        let status = json!({"status": case["status"]}).to_string();
        let patch = ["patch", "kvs", &name, "--subresource=status", "--type=merge", "-p", &status];
        kubectl.run(patch).await.unwrap();
    }
    kubectl.would_apply(&object(rule, &name, &case["spec"])).await.map_err(|refusal| refusal.to_string())
}

async fn check(kubectl: Kubectl, row: usize, rule: Value) {
    let message = rule["message"].as_str().unwrap();
    let accepted = ask(&kubectl, format!("accepted-{row}"), &rule, &rule["accept"]).await;
    assert!(accepted.is_ok(), "{message}: should accept {}, but: {accepted:?}", rule["accept"]);
    let refusal = ask(&kubectl, format!("refused-{row}"), &rule, &rule["reject"]).await.unwrap_err();
    assert!(refusal.contains(message), "{message}: should refuse {}, but: {refusal}", rule["reject"]);
}

#[tokio::test]
async fn each_rule_accepts_and_refuses_as_its_table_says() {
    let stage = Stage::open("rules").await;
    let table =
        std::fs::read_to_string(install::checkout().join(Path::new("crds/tests/rules.yaml"))).unwrap();
    let rules: Vec<Value> = serde_yaml::from_str(&table).unwrap();
    assert!(rules.len() > 30, "the table is read");
    let mut asked = JoinSet::new();
    for (row, rule) in rules.into_iter().enumerate() {
        if asked.len() == AT_ONCE {
            asked.join_next().await.unwrap().unwrap();
        }
        asked.spawn(check(stage.kubectl.clone(), row, rule));
    }
    while let Some(done) = asked.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_by_the_name_of_its_field() {
    let stage = Stage::open("bounds").await;
    for (spec, field) in OUT_OF_BOUNDS {
        let spec: Value = serde_yaml::from_str(spec).unwrap();
        let refusal = stage.kubectl.would_apply(&store("bad", &spec)).await.unwrap_err().to_string();
        assert!(refusal.contains(field), "{spec}: {refusal}");
    }
}
