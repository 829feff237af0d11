//! Every combination of switches renders, with one name, one namespace and the labels of the field.

use crate::helm::{lint, template};

#[test]
fn helm_lint_is_content() {
    let output = lint();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("[WARNING]"), "{said}");
}

#[test]
fn every_switch_renders_objects_with_identity() {
    for values in [
        vec![],
        vec!["watchNamespaces={shop,crew}"],
        vec!["networkPolicy.enabled=true", "monitoring.serviceMonitor.enabled=true"],
        vec!["rbac.create=false", "serviceAccount.create=false", "serviceAccount.name=mine"],
        vec!["crds.enabled=false", "metrics.service.enabled=false"],
        vec!["podLabels.team=shop", "podAnnotations.team=shop", "commonLabels.team=shop2"],
        vec!["nodeSelector.disk=ssd", "priorityClassName=high", "imagePullSecrets[0].name=registry"],
        vec!["affinity.nodeAffinity.x=y", "tolerations[0].operator=Exists", "fullnameOverride=other"],
    ] {
        for object in template(&values).objects {
            let name = object["metadata"]["name"].as_str();
            assert!(name.is_some_and(|name| name.len() <= 63), "{values:?}: {object:?}");
            assert!(object["apiVersion"].is_string(), "{values:?}: {object:?}");
            let labels = &object["metadata"]["labels"];
            for label in ["name", "instance", "component", "part-of", "managed-by", "version"] {
                let label = format!("app.kubernetes.io/{label}");
                assert!(labels[label.as_str()].is_string(), "{name:?} lacks {label} with {values:?}");
            }
        }
    }
}

#[test]
fn the_usual_release_names_give_the_plain_name() {
    assert_eq!(template(&[]).one("Deployment")["metadata"]["name"], "kivi-operator");
}

#[test]
fn the_longest_name_leaves_every_object_a_legal_one() {
    let rendered = template(&[&format!("fullnameOverride={}", "a".repeat(63))]);
    for kind in ["Service", "Deployment", "ServiceAccount"] {
        let name = rendered.one(kind)["metadata"]["name"].as_str().unwrap();
        assert!(name.len() <= 63, "{kind} {name}");
    }
}

#[test]
fn extra_objects_are_rendered_as_manifest_and_as_template() {
    let rendered = template(&[
        "extraObjects.plain.apiVersion=v1",
        "extraObjects.plain.kind=Secret",
        "extraObjects.plain.metadata.name=plain",
        "extraObjects.text=apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-text",
    ]);
    assert_eq!(rendered.one("Secret")["metadata"]["name"], "plain");
    assert!(rendered.all("ConfigMap").iter().any(|map| map["metadata"]["name"] == "kivi-text"));
}

#[test]
fn labels_of_a_user_never_replace_the_charts_own() {
    let rendered = template(&[
        "podLabels.app\\.kubernetes\\.io/name=mine",
        "podLabels.team=shop",
        "commonLabels.team=all",
    ]);
    let pod = &rendered.one("Deployment")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(pod["app.kubernetes.io/name"], "kivi-operator");
    assert_eq!(rendered.one("Service")["metadata"]["labels"]["team"], "all");
}
