//! The operator's own pod: restricted, probed, one at a time.

use serde_yaml::Value;

use crate::helm::{strings, template, try_template};

fn pod_of(rendered: &crate::helm::Rendered) -> Value {
    rendered.one("Deployment")["spec"]["template"]["spec"].clone()
}

/// The rules of the Pod Security Standards' profile "restricted", and a read-only root besides.
#[test]
fn the_pod_meets_the_restricted_profile() {
    let pod = pod_of(&template(&[]));
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert!(pod["securityContext"]["runAsUser"].as_u64().is_some_and(|uid| uid > 0));
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert!(pod.get("hostNetwork").is_none());
    let volumes: Vec<_> =
        pod["volumes"].as_sequence().unwrap().iter().filter(|v| v.get("configMap").is_some()).collect();
    assert_eq!(volumes.len(), pod["volumes"].as_sequence().unwrap().len());
    for container in pod["containers"].as_sequence().unwrap() {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(strings(&context["capabilities"]["drop"]), ["ALL"]);
        assert!(context["capabilities"].get("add").is_none());
    }
}

#[test]
fn two_operators_never_reconcile_side_by_side() {
    let rendered = template(&[]);
    let deployment = rendered.one("Deployment");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "RollingUpdate");
    let container = &pod_of(&rendered)["containers"][0];
    let lease = &rendered.one("Role")["rules"][1]["resourceNames"][0];
    for flag in ["--leader-election=true", "--lease-namespace=kivi-system", "--lease-duration=15s"] {
        assert!(strings(&container["args"]).contains(&flag), "{flag}");
    }
    let name = format!("--lease-name={}", lease.as_str().unwrap());
    assert!(strings(&container["args"]).contains(&name.as_str()), "{name}");

    let off = template(&["leaderElection.enabled=false"]);
    assert_eq!(off.one("Deployment")["spec"]["strategy"]["type"], "Recreate");
    assert!(off.all("Role").is_empty() && off.all("RoleBinding").is_empty());
    let error = try_template(&["leaderElection.enabled=false", "replicaCount=2"]).err().expect("refused");
    assert!(error.contains("leaderElection.enabled"), "{error}");
}

#[test]
fn several_operators_do_not_leave_together() {
    let rendered = template(&["replicaCount=2"]);
    let selector = &rendered.one("Deployment")["spec"]["selector"];
    let budget = rendered.one("PodDisruptionBudget");
    assert_eq!((&budget["spec"]["selector"], budget["spec"]["maxUnavailable"].as_u64()), (selector, Some(1)));
    assert_eq!(&pod_of(&rendered)["topologySpreadConstraints"][0]["labelSelector"], selector);
    assert!(
        template(&["replicaCount=2", "podDisruptionBudget.enabled=false"])
            .all("PodDisruptionBudget")
            .is_empty()
    );
    assert!(template(&[]).all("PodDisruptionBudget").is_empty(), "one pod alone would block every drain");
}

#[test]
fn probes_and_metrics_use_the_port_that_the_operator_listens_on() {
    let rendered = template(&["networkPolicy.enabled=true"]);
    let container = &pod_of(&rendered)["containers"][0];
    let port = &container["ports"][0];
    assert_eq!(port["name"], "health");
    let listens = format!("--health-listen=0.0.0.0:{}", port["containerPort"].as_u64().unwrap());
    assert!(strings(&container["args"]).contains(&listens.as_str()));
    for (probe, path) in
        [("startupProbe", "/startupz"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container[probe]["httpGet"]["path"], path);
        assert_eq!(container[probe]["httpGet"]["port"], "health");
    }
    assert_eq!(rendered.one("Service")["spec"]["ports"][0]["targetPort"], "health");
    assert_eq!(rendered.one("NetworkPolicy")["spec"]["ingress"][0]["ports"][0]["port"], "health");
}

#[test]
fn the_operators_own_network_policy_lets_it_ask_stores_how_full_they_are() {
    let rendered = template(&["networkPolicy.enabled=true"]);
    let egress = rendered.one("NetworkPolicy")["spec"]["egress"].as_sequence().unwrap();
    let to_stores = egress.iter().find(|rule| !rule["to"].is_null()).unwrap();
    assert_eq!(to_stores["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], "store");
    assert_eq!(to_stores["ports"][0]["port"], 8081);
}

#[test]
fn selectors_hold_no_label_that_an_upgrade_changes() {
    let rendered = template(&["commonLabels.team=shop"]);
    let selector = rendered.one("Deployment")["spec"]["selector"]["matchLabels"].as_mapping().unwrap();
    let keys: Vec<_> = selector.keys().filter_map(Value::as_str).collect();
    assert_eq!(keys, ["app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"]);
}

#[test]
fn the_operator_reads_the_catalog_of_the_values() {
    for (values, expected) in [
        (&[][..], "{}"),
        (
            &[r"catalog.0\.2\.0.server=reg/server:2", r"catalog.0\.2\.0.sidecar=reg/sidecar:2"],
            "{0.2.0: {server: 'reg/server:2', sidecar: 'reg/sidecar:2'}}",
        ),
    ] {
        let rendered = template(values);
        let map = rendered.one("ConfigMap");
        let catalog: Value = serde_yaml::from_str(map["data"]["catalog.yaml"].as_str().unwrap()).unwrap();
        assert_eq!(catalog, serde_yaml::from_str::<Value>(expected).unwrap());
        let pod = pod_of(&rendered);
        assert_eq!(pod["volumes"][0]["configMap"]["name"], map["metadata"]["name"]);
        assert_eq!(pod["containers"][0]["volumeMounts"][0]["mountPath"], "/etc/kivi/catalog");
        let args = strings(&pod["containers"][0]["args"]);
        assert!(args.contains(&"--catalog=/etc/kivi/catalog/catalog.yaml"), "{args:?}");
    }
}
