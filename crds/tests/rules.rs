//! Every CEL rule of the definition accepts what it should and refuses what it should, evaluated by the
//! rules' own text as the API server reads it. The table is `rules.yaml`.

// Clippy knows `#[test]` functions, not the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use kivi_crds::{KeyValueStore, KeyValueStoreSpec, KeyValueStoreStatus, crd};
use kube::core::cel::Validator;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Rule {
    message: String,
    accept: Case,
    reject: Case,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default = "orders")]
    name: String,
    #[serde(default)]
    spec: KeyValueStoreSpec,
    old: Option<KeyValueStoreSpec>,
    status: Option<KeyValueStoreStatus>,
}

fn orders() -> String {
    "orders".to_owned()
}

impl Case {
    /// What the rules say; defaults are filled in, as the API server does before it asks the rules.
    fn refusals(&self) -> Vec<String> {
        let object = |spec: &KeyValueStoreSpec| {
            let mut store = serde_json::to_value(KeyValueStore::new(&self.name, spec.clone())).unwrap();
            store["metadata"]["namespace"] = json!("shop");
            if let Some(status) = &self.status {
                store["status"] = serde_json::to_value(status).unwrap();
            }
            store
        };
        let old = self.old.as_ref().map(object);
        match Validator::new().validate(&schema(), &object(&self.spec), old.as_ref()) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.iter().map(|error| error.message.clone()).collect(),
        }
    }
}

fn rules() -> Vec<Rule> {
    serde_yaml::from_str(include_str!("rules.yaml")).unwrap()
}

fn schema() -> Value {
    let crd = serde_json::to_value(crd()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

#[test]
fn each_rule_accepts_and_refuses() {
    for rule in rules() {
        let accepted = rule.accept.refusals();
        assert!(accepted.is_empty(), "{}: accepts, but: {accepted:?}", rule.message);
        let refused = rule.reject.refusals();
        assert!(
            refused.len() == 1 && refused[0].starts_with(&rule.message),
            "{}: should be the one refusal, but: {refused:?}",
            rule.message
        );
    }
}

#[test]
fn no_rule_is_without_a_case() {
    let mut messages = Vec::new();
    collect(&schema(), &mut messages);
    assert!(messages.len() > 15, "the rules did not survive the rewriting of the schema: {messages:?}");
    let rules = rules();
    for message in messages {
        assert!(rules.iter().any(|rule| message.starts_with(&rule.message)), "no case for: {message}");
    }
}

fn collect(schema: &Value, messages: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            for rule in fields.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten()
            {
                messages.push(rule["message"].as_str().unwrap().to_owned());
            }
            fields.values().for_each(|value| collect(value, messages));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, messages)),
        _ => {}
    }
}
