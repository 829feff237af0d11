//! An upgrade of the operator restarts no store: what it makes of a spec is what the last operator made of it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{digest, pod};
use crate::catalog::Catalog;
use crate::dereferenced::Dereferenced;
use crate::test_support::{catalog, custom_resource, now, secret};
use crate::validate::validate;

/// A release that is not the operator's own, so that nothing of the operator's can be in what is made of it.
const RELEASE: &str = "{7.8.9: {server: 'reg/server:7.8.9', sidecar: 'reg/sidecar:7.8.9'}}";

const WAY_OUT: &str = "The pods of every store with these specs would restart when the operator is upgraded. Keep the template as it was for a spec that does not use what is new. Where that cannot be, say so in CHANGELOG.md under a heading of its own, as the chart then rolls one store after another out, and write the new hash here.";

fn template(spec: &str, catalog: &Catalog) -> Value {
    let spec = spec.replacen('{', "{version: 7.8.9, ", 1);
    // What the specs name.
    let found = Dereferenced {
        provided_tokens: Some(secret("mine", [("token", "0123456789abcdef0123456789abcdef")])),
        ..Dereferenced::default()
    };
    let store = validate(&custom_resource(&spec), &found, catalog, "cluster.local", now()).unwrap();
    serde_json::to_value(pod::template(&store)).unwrap()
}

#[test]
fn pod_templates_are_golden() {
    let catalog = catalog().with(RELEASE).unwrap();
    let mut changed = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/build/golden");
    for (name, golden) in [
        ("smallest", "4487afca1521fc69"),
        ("bare", "8bffa2c4b3461f3b"),
        ("plain", "46505cea286ba041"),
        ("full", "dcbec95d1996d096"),
    ] {
        let text = fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap();
        let spec: String = text.lines().filter(|line| !line.starts_with('#')).collect();
        let template = template(&spec, &catalog);
        let written = serde_yaml::to_string(&template).unwrap();
        assert!(!written.contains(kivi_crds::RELEASE), "the operator's own release is in it:\n{written}");
        let hash = digest::of(template);
        if hash != golden {
            changed.push(format!("{name}.yaml: {hash}\n{written}"));
        }
    }
    assert!(changed.is_empty(), "{WAY_OUT}\n{}", changed.join("\n"));
}
