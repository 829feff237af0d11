//! The definition draws the limits' bounds where the configuration file's own check draws them: the API server refuses
//! by an integer's bounds or by a rule, and names the field. The table is that of `kivi-settings`.

// Clippy knows `#[test]` functions, not the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use kivi_crds::crd;
use kivi_crds::settings::LimitsSettings;
use kube::core::cel::Validator;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    limits: Value,
    refused: Option<String>,
}

fn schema() -> Value {
    let crd = serde_json::to_value(crd()).unwrap();
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    spec["properties"]["limits"].clone()
}

/// The fields that a value of theirs is refused for; defaults are filled in, as the API server does.
fn refusals(schema: &Value, limits: &Value) -> Vec<String> {
    let filled: LimitsSettings = serde_json::from_value(limits.clone()).unwrap();
    let filled = serde_json::to_value(filled).unwrap();
    let outside = filled.as_object().unwrap().iter().filter(|(name, value)| {
        let field = &schema["properties"][name.as_str()];
        let (least, most) = (field["minimum"].as_f64(), field["maximum"].as_f64());
        let number = value.as_f64();
        number.is_some_and(|number| least.is_some_and(|least| number < least))
            || number.is_some_and(|number| most.is_some_and(|most| number > most))
    });
    let outside: Vec<String> = outside.map(|(name, _)| name.clone()).collect();
    // The API server asks no rule about what is not of the schema.
    if !outside.is_empty() {
        return outside;
    }
    match Validator::new().validate(schema, &filled, None) {
        Ok(()) => Vec::new(),
        Err(errors) => {
            errors.iter().map(|error| error.message.split(' ').next().unwrap().to_owned()).collect()
        }
    }
}

#[test]
fn each_bound_holds_to_the_last_value() {
    let cases: Vec<Case> = serde_yaml::from_str(include_str!("../settings/tests/bounds.yaml")).unwrap();
    let schema = schema();
    for Case { limits, refused } in cases {
        assert_eq!(refusals(&schema, &limits), Vec::from_iter(refused), "{limits}");
    }
}
