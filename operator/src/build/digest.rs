//! A hash of a value by what it says, not by how it is written: the same in every build of the operator.

use std::collections::BTreeMap;

use ring::digest::{Context, SHA256};
use serde_json::Value;

/// 16 hexadecimal digits: the first 8 bytes of SHA-256 over the leaves in the order of their paths.
pub(super) fn of(value: Value) -> String {
    let mut leaves = BTreeMap::new();
    flatten(String::new(), value, &mut leaves);
    let mut context = Context::new(&SHA256);
    for (path, value) in &leaves {
        context.update(format!("{path}={value}\n").as_bytes());
    }
    let first = context.finish().as_ref().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    format!("{first:016x}")
}

fn flatten(path: String, value: Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(format!("{path}.{name}"), value, leaves);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.into_iter().enumerate() {
                flatten(format!("{path}[{place}]"), value, leaves);
            }
        }
        Value::Null => {}
        leaf => {
            leaves.insert(path, leaf.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_fields_does_not_matter_and_that_of_items_does() {
        let of = |text: &str| of(serde_yaml::from_str(text).unwrap());
        assert_eq!(of("{a: 1, b: [2, {c: 3}]}"), of("{b: [2, {c: 3}], a: 1}"));
        assert_ne!(of("{a: [1, 2]}"), of("{a: [2, 1]}"));
        assert_eq!(of("{a: null}"), of("{}"));
    }
}
