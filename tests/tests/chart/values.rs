//! What the values do: a registry moves every image, a typo is refused.

use std::process::Command;

use crate::helm::{strings, template, try_template};

#[test]
fn the_registry_moves_every_image() {
    let rendered = template(&["image.registry=registry.example.com/team/", "image.tag=9.9.9"]);
    let container = &rendered.one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example.com/team/kivi-operator:9.9.9");
    let arguments = strings(&container["args"]);
    for expected in [
        "--server-image=registry.example.com/team/kivi-server:9.9.9",
        "--sidecar-image=registry.example.com/team/kivi-sidecar:9.9.9",
    ] {
        assert!(arguments.contains(&expected), "{arguments:?}");
    }
    assert!(!serde_yaml::to_string(&rendered.objects).unwrap().contains("localhost/kivi"));
}

#[test]
fn the_default_images_have_the_version_of_the_chart() {
    let rendered = template(&[]);
    let container = &rendered.one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], concat!("localhost/kivi/kivi-operator:", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_typo_or_a_value_out_of_bounds_is_refused_by_name() {
    for (value, named) in [
        ("replicaCoutn=1", "replicaCoutn"),
        ("image.registri=x", "registri"),
        ("replicaCount=6", "/replicaCount"),
        ("leaderElection.leaseDuration=long", "/leaderElection/leaseDuration"),
        ("clusterDomain=cluster.local.", "/clusterDomain"),
        ("logFormat=xml", "/logFormat"),
        ("watchNamespaces={Shop}", "/watchNamespaces/0"),
        ("watchNamespaces={shop,shop}", "/watchNamespaces"),
        ("metrics.service.port=0", "/metrics/service/port"),
        ("maxRollouts=0", "/maxRollouts"),
        ("catalog.newest.server=a,catalog.newest.sidecar=b", "newest"),
        (r"catalog.0\.2\.0.server=a", "sidecar"),
    ] {
        let error = try_template(&[value]).err().unwrap_or_else(|| panic!("{value} was accepted"));
        assert!(error.contains(named), "{value}: {error}");
    }
}

#[test]
fn the_operator_is_told_the_domain_of_the_cluster() {
    let rendered = template(&["clusterDomain=corp.example"]);
    let container = &rendered.one("Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert!(strings(&container["args"]).contains(&"--cluster-domain=corp.example"));
}

#[test]
fn a_monitor_without_its_service_is_refused() {
    let error = try_template(&["monitoring.serviceMonitor.enabled=true", "metrics.service.enabled=false"])
        .err()
        .expect("refused");
    assert!(error.contains("needs metrics.service.enabled"), "{error}");
}

#[test]
fn the_monitor_carries_the_labels_by_which_prometheus_selects_it() {
    let rendered = template(&[
        "monitoring.serviceMonitor.enabled=true",
        "monitoring.serviceMonitor.labels.release=prom",
    ]);
    let monitor = rendered.one("ServiceMonitor");
    assert_eq!(monitor["metadata"]["labels"]["release"], "prom");
    assert_eq!(monitor["spec"]["endpoints"][0]["port"], rendered.one("Service")["spec"]["ports"][0]["name"]);
}

#[test]
fn generated_files_are_up_to_date() {
    let output = Command::new(env!("CARGO_BIN_EXE_generate")).arg("--check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
