//! The examples of the documents are what they claim to be: a resource of the CRD, a configuration file.

use kivi_crds::{KeyValueStore, KeyValueStoreBackup};
use kivi_settings::Settings;
use serde_yaml::Value;

use crate::helm::{project, project_file};

fn stores(path: &str) -> Vec<KeyValueStore> {
    use serde::Deserialize as _;
    serde_yaml::Deserializer::from_str(&project_file(path))
        .map(|document| {
            KeyValueStore::deserialize(document).unwrap_or_else(|error| panic!("{path}: {error}"))
        })
        .collect()
}

#[test]
fn the_first_example_is_a_store_called_orders() {
    let stores = stores("docs/examples/keyvaluestore.yaml");
    assert_eq!(stores.len(), 1);
    assert_eq!(stores[0].metadata.name.as_deref(), Some("orders"));
}

/// Parsing refuses an unknown field; this finds the fields that the example forgot.
#[test]
fn the_full_example_names_every_field_of_the_spec() {
    const PATH: &str = "docs/examples/keyvaluestore-full.yaml";
    assert_eq!(stores(PATH).len(), 1);
    let example: Value = serde_yaml::from_str(&project_file(PATH)).unwrap();
    let crd: Value = serde_yaml::from_str(&project_file("crds/keyvaluestores.kivi.dev.yaml")).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut missing = Vec::new();
    compare("spec", schema, &example["spec"], &mut missing);
    // Alternatives of what the example names, of which a store has one.
    let alternatives = [
        "spec.backup.destination.volume",
        "spec.bootstrap.fromBackup.destination.s3",
        "spec.bootstrap.fromBackup.name",
        "spec.pod.serviceAccount.name",
        "spec.tls.disabled",
        "spec.tls.issuerRef",
        "spec.tls.secretRef",
    ];
    missing.sort();
    assert_eq!(missing, alternatives);
}

fn compare(path: &str, schema: &Value, value: &Value, missing: &mut Vec<String>) {
    for (key, schema) in schema["properties"].as_mapping().into_iter().flatten() {
        let key = key.as_str().unwrap();
        match value.get(key) {
            Some(value) => compare(&format!("{path}.{key}"), schema, value, missing),
            None => missing.push(format!("{path}.{key}")),
        }
    }
}

#[test]
fn the_example_of_a_backup_is_one() {
    use serde::Deserialize as _;
    let text = project_file("docs/examples/keyvaluestorebackup.yaml");
    let mut documents = serde_yaml::Deserializer::from_str(&text);
    let claim = Value::deserialize(documents.next().unwrap()).unwrap();
    let backup = KeyValueStoreBackup::deserialize(documents.next().unwrap()).unwrap();
    assert!(documents.next().is_none());
    assert_eq!(backup.spec.store_ref.name, "orders");
    let volume = backup.spec.destination.unwrap().volume.unwrap();
    assert_eq!(claim["kind"], "PersistentVolumeClaim");
    assert_eq!(claim["metadata"]["name"], volume.claim_name.as_str(), "the claim is there for the backup");
}

#[test]
fn the_example_configuration_file_is_one() {
    let settings: Settings = serde_yaml::from_str(&project_file("docs/examples/kivi.yaml")).unwrap();
    settings.check().unwrap();
    assert_ne!(settings, Settings::default(), "an example of nothing but defaults shows nothing");
}

/// Targets of Markdown links that are files, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|link| !link.is_empty() && !link.contains("://"))
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let documents = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "charts/kivi-operator/README.md",
        "docs/quickstart.md",
        "docs/rest-api.md",
        "docs/sidecar.md",
        "docs/operator.md",
        "docs/operations/backups.md",
        "docs/operations/images.md",
        "docs/operations/limits.md",
        "docs/operations/log.md",
        "docs/operations/upgrades.md",
    ];
    for document in documents {
        let text = project_file(document);
        let folder = project(document).parent().unwrap().to_owned();
        for link in links(&text) {
            assert!(folder.join(link).exists(), "{document} links to {link}, which is not there");
        }
    }
}
