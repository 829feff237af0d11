//! Each bound of the limits holds to the last value, and its refusal names the field and what was written. The table
//! is `bounds.yaml`; the resource definition is held to the same.

// Clippy knows `#[test]` functions, not the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use kivi_settings::{LimitsSettings, Settings};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    limits: serde_yaml::Value,
    refused: Option<String>,
}

fn cases() -> Vec<Case> {
    serde_yaml::from_str(include_str!("bounds.yaml")).unwrap()
}

#[test]
fn each_bound_holds_to_the_last_value() {
    for Case { limits, refused } in cases() {
        let settings =
            Settings { limits: serde_yaml::from_value(limits.clone()).unwrap(), ..Settings::default() };
        let said = settings.check().map_err(|error| error.to_string());
        let Some(field) = refused else {
            assert_eq!(said, Ok(()), "{limits:?}");
            continue;
        };
        let said = said.unwrap_err();
        let written = match &limits[field.as_str()] {
            serde_yaml::Value::String(text) => text.clone(),
            other => other.as_i64().unwrap().to_string(),
        };
        assert!(said.starts_with(&format!("limits.{field}: {written} is out of bounds: ")), "{said}");
        assert!(said.contains("write "), "no way out: {said}");
    }
}

#[test]
fn no_limit_is_without_both_sides() {
    let serde_yaml::Value::Mapping(defaults) = serde_yaml::to_value(LimitsSettings::default()).unwrap()
    else {
        panic!("the limits are fields")
    };
    let optional = ["keys", "watchers"].map(str::to_owned);
    let names = defaults.keys().map(|name| name.as_str().unwrap().to_owned()).chain(optional);
    let cases = cases();
    for name in names {
        let refused = cases.iter().filter(|case| case.refused.as_ref() == Some(&name)).count();
        let fits = |case: &&Case| case.refused.is_none() && case.limits.get(name.as_str()).is_some();
        assert!(refused >= 2 && cases.iter().filter(fits).count() >= 2, "limits.{name}");
    }
}

#[test]
fn half_of_the_connections_may_be_watches_unless_it_is_said_otherwise() {
    for (limits, watchers) in [
        ("{}", 5_000),
        ("{connections: 100}", 50),
        ("{connections: 1}", 0),
        ("{connections: 100, watchers: 99}", 99),
    ] {
        assert_eq!(serde_yaml::from_str::<LimitsSettings>(limits).unwrap().most_watchers(), watchers);
    }
}
