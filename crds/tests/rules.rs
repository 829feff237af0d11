//! Every CEL rule of the definition accepts what it should and refuses what it should, evaluated by the
//! rules' own text as the API server reads it. The table is `rules.yaml`.

// Clippy knows `#[test]` functions, not the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kivi_crds::{KeyValueStore, KeyValueStoreBackup, backup_crd, crd};
use kube::core::cel::Validator;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Rule {
    message: String,
    #[serde(default)]
    of: Kind,
    accept: Case,
    reject: Case,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
enum Kind {
    #[default]
    KeyValueStore,
    KeyValueStoreBackup,
}

impl Kind {
    /// An object as the API server hands it to the rules, with defaults filled in.
    fn object(self, name: &str, spec: &Value) -> Value {
        let spec = spec.clone();
        let object = match self {
            Self::KeyValueStore => {
                serde_json::to_value(KeyValueStore::new(name, serde_json::from_value(spec).unwrap()))
            }
            Self::KeyValueStoreBackup => {
                serde_json::to_value(KeyValueStoreBackup::new(name, serde_json::from_value(spec).unwrap()))
            }
        };
        let mut object = object.unwrap();
        object["metadata"]["namespace"] = json!("shop");
        object
    }

    fn schema(self) -> Value {
        schema(match self {
            Self::KeyValueStore => crd(),
            Self::KeyValueStoreBackup => backup_crd(),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default = "orders")]
    name: String,
    #[serde(default = "empty")]
    spec: Value,
    old: Option<Value>,
    status: Option<Value>,
}

fn empty() -> Value {
    json!({})
}

fn orders() -> String {
    "orders".to_owned()
}

impl Case {
    /// What the rules say.
    fn refusals(&self, kind: Kind) -> Vec<String> {
        let object = |spec: &Value| {
            let mut object = kind.object(&self.name, spec);
            if let Some(status) = &self.status {
                object["status"] = status.clone();
            }
            object
        };
        let old = self.old.as_ref().map(object);
        match Validator::new().validate(&kind.schema(), &object(&self.spec), old.as_ref()) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.iter().map(|error| error.message.clone()).collect(),
        }
    }
}

fn rules() -> Vec<Rule> {
    serde_yaml::from_str(include_str!("rules.yaml")).unwrap()
}

fn schema(crd: CustomResourceDefinition) -> Value {
    let crd = serde_json::to_value(crd).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

#[test]
fn each_rule_accepts_and_refuses() {
    for rule in rules() {
        let accepted = rule.accept.refusals(rule.of);
        assert!(accepted.is_empty(), "{}: accepts, but: {accepted:?}", rule.message);
        let refused = rule.reject.refusals(rule.of);
        assert!(
            refused.len() == 1 && refused[0].starts_with(&rule.message),
            "{}: should be the one refusal, but: {refused:?}",
            rule.message
        );
    }
}

#[test]
fn a_text_that_is_no_duration_is_refused_by_its_pattern_alone() {
    let base: Value =
        json!({"log": {"file": {}}, "backup": {"destination": {"volume": {"claimName": "backups"}}}});
    for field in [
        "sidecar/cache/ttl",
        "sidecar/cache/negativeTtl",
        "sidecar/timeouts/request",
        "sidecar/timeouts/idle",
        "limits/idempotencyWindow",
        "log/file/syncInterval",
        "tls/managed/duration",
        "tls/managed/renewBefore",
        "tls/managed/authorityOverlap",
        "tls/managed/authorityDuration",
        "tls/issuerRef/duration",
        "tls/issuerRef/renewBefore",
        "backup/retention/keepFor",
        "backup/pointInTime/every",
    ] {
        let schema = Kind::KeyValueStore.schema();
        let of_field =
            schema.pointer(&format!("/properties/spec/properties/{}", field.replace('/', "/properties/")));
        assert!(of_field.unwrap()["pattern"].is_string(), "{field}");
        for text in ["5 seconds", "1d", ""] {
            let mut object = Kind::KeyValueStore.object("orders", &base);
            let place = field.split('/').fold(&mut object["spec"], |value, name| &mut value[name]);
            *place = json!(text);
            let said = Validator::new().validate(&schema, &object, None);
            assert!(said.is_ok(), "{field}: `{text}`: {said:?}");
        }
    }
}

#[test]
fn no_rule_is_without_a_case() {
    let rules = rules();
    for (kind, least) in [(Kind::KeyValueStore, 15), (Kind::KeyValueStoreBackup, 4)] {
        let mut messages = Vec::new();
        collect(&kind.schema(), &mut messages);
        assert!(
            messages.len() > least,
            "the rules did not survive the rewriting of the schema: {messages:?}"
        );
        for message in messages {
            let told = |rule: &Rule| rule.of == kind && message.starts_with(&rule.message);
            assert!(rules.iter().any(told), "no case for: {message}");
        }
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
