//! What an installer reads after `helm install`.

use std::fs;
use std::path::Path;

use crate::helm::{project, render};

/// helm renders the notes only while it talks to a cluster; so a copy of the chart gets them as a ConfigMap.
const FRAME: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: notes}, data: {text: {{ tpl (.Files.Get \"NOTES.txt\") . | quote }}}}";

fn notes(values: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("kivi-operator");
    copy(&project("charts/kivi-operator"), &chart);
    fs::rename(chart.join("templates/NOTES.txt"), chart.join("NOTES.txt")).unwrap();
    fs::write(chart.join("templates/notes.yaml"), FRAME).unwrap();
    let rendered = render(&chart, values).unwrap();
    rendered.all("ConfigMap").iter().find_map(|map| map["data"]["text"].as_str()).unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_notes_lead_from_a_store_to_a_request() {
    let notes = notes(&[]);
    for line in [
        "is running as kivi-system/kivi-operator",
        "kind: KeyValueStore",
        "kubectl wait -n default --for=condition=Ready kvs/orders",
        "orders-token -o jsonpath='{.data.token}'",
        "configmap -n default orders-ca",
        // A forward in the background needs a moment.
        "curl --retry 5 --retry-connrefused --cacert orders-ca.crt",
        "kubectl delete crd keyvaluestores.kivi.dev keyvaluestorebackups.kivi.dev",
    ] {
        assert!(notes.contains(line), "no `{line}` in\n{notes}");
    }
}

#[test]
fn the_notes_name_the_watched_namespaces() {
    let notes = notes(&["watchNamespaces={shop,crew}"]);
    assert!(notes.contains("the stores of the namespaces shop, crew."), "{notes}");
    assert!(notes.contains("kubectl wait -n shop --for=condition=Ready kvs/orders"), "{notes}");
}
