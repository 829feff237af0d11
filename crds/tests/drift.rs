//! The checked-in YAML is what the types say.

use kivi_crds::{crd_yaml, definitions};

#[test]
fn the_checked_in_definitions_equal_the_types() {
    for definition in definitions() {
        let name = definition.metadata.name.clone().unwrap();
        let path = format!("{}/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(checked_in == crd_yaml(&[definition]).unwrap(), "{path} is stale: run `scripts/generate.sh`");
    }
}
