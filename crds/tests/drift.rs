//! The checked-in YAML is what the types say.

#[test]
fn the_checked_in_definition_equals_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/keyvaluestores.kivi.dev.yaml");
    let checked_in = std::fs::read_to_string(path).unwrap();
    assert!(
        checked_in == kivi_crds::crd_yaml().unwrap(),
        "{path} is stale: run `cargo run -p kivi-operator -- crd > crds/keyvaluestores.kivi.dev.yaml`"
    );
}
