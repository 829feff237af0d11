//! The CRDs: the chart's are the plain ones of `crds/`, and stay when the chart goes.

use serde_yaml::Value;

use crate::helm::{project_file, template};

const NAMES: [&str; 2] = ["keyvaluestorebackups.kivi.dev", "keyvaluestores.kivi.dev"];

fn plain(name: &str) -> Value {
    serde_yaml::from_str(&project_file(&format!("crds/{name}.yaml"))).unwrap()
}

/// helm writes `1000000.0` as `1000000`, which is the same number.
fn numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(number.as_f64().map_or(number, Into::into)),
        Value::Sequence(items) => items.into_iter().map(numbers).collect(),
        Value::Mapping(map) => {
            Value::Mapping(map.into_iter().map(|(key, value)| (key, numbers(value))).collect())
        }
        other => other,
    }
}

#[test]
fn the_chart_installs_the_plain_crds_and_keeps_them() {
    let rendered = template(&[]);
    let crds = rendered.all("CustomResourceDefinition");
    let names: Vec<_> = crds.iter().map(|crd| crd["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, NAMES);
    for crd in crds {
        let name = crd["metadata"]["name"].as_str().unwrap();
        let plain = plain(name);
        assert!(
            numbers(crd["spec"].clone()) == numbers(plain["spec"].clone()),
            "{name}: run `make generate`"
        );
        assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    }
}

#[test]
fn they_may_be_removed_with_the_chart_or_left_out() {
    let rendered = template(&["crds.keep=false"]);
    for crd in rendered.all("CustomResourceDefinition") {
        assert!(crd["metadata"]["annotations"].get("helm.sh/resource-policy").is_none());
    }
    assert!(template(&["crds.enabled=false"]).all("CustomResourceDefinition").is_empty());
}
