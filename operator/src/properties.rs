//! What holds for every store that can be built: specs are made of parts of the full example, in any combination, and
//! of what the definition's rules accept. Each goes through the real reconcile, against the tests' API server.

use std::collections::BTreeMap;

use kivi_crds::KeyValueStoreSpec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use serde_json::{Map, Value};

use crate::reconcile::{ReconcileError, reconcile};
use crate::test_support::{issued, secret, server::Server};

const EXAMPLE: &str = include_str!("../../docs/examples/keyvaluestore-full.yaml");
const RULES: &str = include_str!("../../crds/tests/rules.yaml");

/// Some of the fields of an object, some of the fields of these, and so on.
fn part_of(value: &Value) -> BoxedStrategy<Value> {
    let Value::Object(fields) = value else { return Just(value.clone()).boxed() };
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (Just(name.clone()), prop::option::weighted(0.6, part_of(value))))
        .collect();
    let kept = |fields: Vec<(String, Option<Value>)>| {
        Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    };
    fields.prop_map(kept).boxed()
}

/// `over` wins, field by field.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

fn specs() -> impl Strategy<Value = Value> {
    let example: Value = serde_yaml::from_str(EXAMPLE).unwrap();
    let rules: Vec<Value> = serde_yaml::from_str(RULES).unwrap();
    let of_stores = rules.iter().filter(|rule| rule["of"].is_null());
    let accepted: Vec<Value> =
        of_stores.map(|rule| rule["accept"]["spec"].clone()).filter(Value::is_object).collect();
    let none = Value::Object(Map::new());
    (part_of(&example["spec"]), prop::sample::select([accepted, vec![none]].concat())).prop_map(
        |(mut spec, accepted)| {
            merge(&mut spec, accepted);
            // Other lives: such a store has no pods, or nothing is done for it.
            for switch in ["stopped", "paused"] {
                spec.as_object_mut().unwrap().remove(switch);
            }
            spec
        },
    )
}

/// A cluster in which what the specs refer to exists.
fn cluster() -> Server {
    let server = Server::default();
    let pair = issued();
    let found = [
        secret("orders-tokens", [("first", "token")]),
        secret("mine", [("tls.crt", &pair.leaf.certificate), ("tls.key", &pair.leaf.key)]),
    ];
    for secret in found {
        let path = format!("/api/v1/namespaces/shop/secrets/{}", secret.metadata.name.as_deref().unwrap());
        server.objects.lock().insert(path, serde_json::to_value(&secret).unwrap());
    }
    server
}

/// The children in the cluster, by path.
fn children(server: &Server) -> BTreeMap<String, Value> {
    let objects = server.objects.lock();
    let owned = objects.iter().filter(|(_, object)| object["metadata"]["ownerReferences"].is_array());
    owned.map(|(path, object)| (path.clone(), object.clone())).collect()
}

fn check(path: &str, object: &Value) -> Result<(), TestCaseError> {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    prop_assert!(!name.is_empty() && name.len() <= 63 && path.ends_with(name), "{path}: named {name}");
    prop_assert_eq!(&metadata["ownerReferences"][0]["uid"], "uid-1", "{}", path);
    prop_assert_eq!(&metadata["labels"]["app.kubernetes.io/instance"], "orders", "{}", path);
    prop_assert_eq!(&metadata["labels"]["app.kubernetes.io/managed-by"], "kivi-operator", "{}", path);
    prop_assert!(!has_null(object), "{}: a null would be a field that the operator owns: {}", path, object);
    Ok(())
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

/// The restricted profile (kubernetes.io, Pod Security Standards), as far as a template can break it.
fn check_profile(template: &Value) -> Result<(), TestCaseError> {
    let pod = &template["spec"];
    prop_assert_eq!(&pod["securityContext"]["runAsNonRoot"], true);
    prop_assert_eq!(&pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    prop_assert!(pod.get("hostNetwork").is_none() && pod.get("hostPID").is_none());
    let containers = ["containers", "initContainers"].into_iter().filter_map(|list| pod[list].as_array());
    for container in containers.flatten() {
        let security = &container["securityContext"];
        prop_assert_eq!(&security["allowPrivilegeEscalation"], false, "{}", container["name"]);
        prop_assert_eq!(&security["capabilities"]["drop"][0], "ALL", "{}", container["name"]);
    }
    let allowed = ["name", "configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"];
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        let kind = volume.as_object().unwrap().keys().find(|key| !allowed.contains(&key.as_str()));
        prop_assert!(kind.is_none(), "{volume}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 96, max_global_rejects: 4096, ..Config::default() })]

    #[test]
    fn what_is_applied_is_whole_and_applying_it_again_changes_nothing(spec in specs()) {
        // The definition's schema refuses it.
        prop_assume!(serde_json::from_value::<KeyValueStoreSpec>(spec.clone()).is_ok());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let (server, spec) = (cluster(), spec.to_string());
        let reconciled = runtime.block_on(reconcile(server.store(&spec), server.context()));
        match reconciled {
            Err(error @ (ReconcileError::Invalid(_) | ReconcileError::Malformed(_))) => {
                return Err(TestCaseError::reject(error.to_string()));
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
            Ok(_) => {}
        }
        let first = children(&server);
        for (path, object) in &first {
            check(path, object)?;
        }
        let set = first.values().find(|object| object["kind"] == "StatefulSet").unwrap();
        check_profile(&set["spec"]["template"])?;
        server.writes();

        // An operator that starts anew knows nothing but the cluster.
        runtime.block_on(reconcile(server.store(&spec), server.context())).unwrap();
        let second = children(&server);
        prop_assert!(first.keys().eq(second.keys()), "{:?} became {:?}", first.keys(), second.keys());
        for (path, object) in &first {
            prop_assert!(*object == second[path], "{path} was {object}, and is {}", second[path]);
        }
        prop_assert!(!server.writes().iter().any(|write| write.starts_with("status")), "the status changed at rest");
    }
}
