//! The CRD: the chart's is the plain one of `crds/`, and stays when the chart goes.

use serde_yaml::Value;

use crate::helm::{project_file, template};

fn plain() -> Value {
    serde_yaml::from_str(&project_file("crds/keyvaluestores.kivi.dev.yaml")).unwrap()
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
fn the_chart_installs_the_plain_crd_and_keeps_it() {
    let rendered = template(&[]);
    let crd = rendered.one("CustomResourceDefinition");
    let plain = plain();
    let message = "run `cargo run -p kivi-tests --bin generate`";
    assert!(numbers(crd["spec"].clone()) == numbers(plain["spec"].clone()), "{message}");
    assert_eq!(crd["metadata"]["name"], plain["metadata"]["name"]);
    assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
}

#[test]
fn it_may_be_removed_with_the_chart_or_left_out() {
    let rendered = template(&["crds.keep=false"]);
    let annotations = &rendered.one("CustomResourceDefinition")["metadata"]["annotations"];
    assert!(annotations.get("helm.sh/resource-policy").is_none());
    assert!(template(&["crds.enabled=false"]).all("CustomResourceDefinition").is_empty());
}
