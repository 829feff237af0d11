use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde_json::Value;

use super::*;
use crate::test_support::{children, store};

mod network;
mod scheduling;

/// The store with three servers. No log serves so many yet, so no spec can ask for it.
fn replicated(store: Store) -> Store {
    Store { replicas: 3, servers: 3, ..store }
}

fn pod(spec: &str) -> PodSpec {
    children(spec).2.stateful_set.spec.unwrap().template.spec.unwrap()
}

fn server(spec: &str) -> Container {
    pod(spec).containers.remove(0)
}

fn sidecar(spec: &str) -> Container {
    pod(spec).init_containers.unwrap().remove(0)
}

fn env(container: &Container, name: &str) -> Option<String> {
    container.env.as_ref()?.iter().find(|variable| variable.name == name)?.value.clone()
}

#[test]
fn no_builder_names_a_client() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/build");
    let own = [folder.with_extension("rs")];
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).chain(own);
    let builder =
        |file: &PathBuf| file.extension().is_some_and(|kind| kind == "rs") && !file.ends_with("tests.rs");
    for file in files.filter(builder) {
        let text = fs::read_to_string(&file).unwrap();
        for client in ["kube::", "kube_runtime", "Client", "Api<", "Timestamp", "OsRng"] {
            assert!(!text.contains(client), "{} names {client}", file.display());
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_objects_byte_for_byte() {
    let (store, material, first) =
        children("{pod: {labels: {b: '1', a: '2'}}, sidecar: {throttle: {rate: 5}}}");
    let second = build(&store, &material);
    assert_eq!(
        serde_json::to_string(&first.stateful_set).unwrap(),
        serde_json::to_string(&second.stateful_set).unwrap()
    );
    assert_eq!(first, second);
}

#[test]
fn every_child_is_named_labelled_and_owned() {
    let (store, material, _) = children("{networkPolicy: {enabled: true}, ingress: {host: a.example}}");
    let children = build(&replicated(store), &material);
    let objects = [
        ("orders", serde_json::to_value(&children.service_account)),
        ("orders-ca", serde_json::to_value(&children.authority_secret)),
        ("orders-tls", serde_json::to_value(&children.certificate_secret)),
        ("orders-token", serde_json::to_value(&children.token_secret)),
        ("orders-ca", serde_json::to_value(&children.trust_config_map)),
        ("orders", serde_json::to_value(&children.config_map)),
        ("orders-pods", serde_json::to_value(&children.pods_service)),
        ("orders", serde_json::to_value(&children.service)),
        ("orders", serde_json::to_value(&children.disruption_budget)),
        ("orders", serde_json::to_value(&children.network_policy)),
        ("orders", serde_json::to_value(&children.ingress)),
        ("orders", serde_json::to_value(&children.stateful_set)),
    ];
    for (name, object) in objects {
        let object: Value = object.unwrap();
        let metadata = &object["metadata"];
        assert_eq!(metadata["name"], name);
        assert_eq!(metadata["namespace"], "shop");
        for (label, value) in [
            ("app.kubernetes.io/name", "kivi"),
            ("app.kubernetes.io/instance", "orders"),
            ("app.kubernetes.io/component", "store"),
            ("app.kubernetes.io/part-of", "kivi"),
            ("app.kubernetes.io/managed-by", "kivi-operator"),
            ("app.kubernetes.io/version", kivi_crds::RELEASE),
        ] {
            assert_eq!(metadata["labels"][label], value, "{name}: {label}");
        }
        let owner = &metadata["ownerReferences"][0];
        assert_eq!(
            (&owner["uid"], &owner["kind"], &owner["controller"]),
            (&"uid-1".into(), &"KeyValueStore".into(), &true.into())
        );
        // To forbid that an owner goes before its children would need one more right.
        assert!(owner.get("blockOwnerDeletion").is_none());
    }
}

#[test]
fn the_sidecar_is_native_and_alone_at_the_clients_port() {
    let (server, sidecar) = (server("{}"), sidecar("{}"));
    assert_eq!(sidecar.restart_policy.as_deref(), Some("Always"));
    assert_eq!(
        sidecar.args.unwrap(),
        [
            "--config=/etc/kivi/config/kivi.yaml",
            "--upstream=unix:/run/kivi/server.sock",
            "--listen=0.0.0.0:8443",
            "--tokens-dir=/etc/kivi/tokens",
            "--tls-dir=/etc/kivi/tls",
            "--health-listen=0.0.0.0:8091",
            "--admin-listen=127.0.0.1:8092"
        ]
    );
    assert_eq!(
        server.args.unwrap(),
        [
            "--config=/etc/kivi/config/kivi.yaml",
            "--listen=unix:/run/kivi/server.sock",
            "--data-dir=/var/lib/kivi",
            "--health-listen=0.0.0.0:8081",
            "--admin-listen=127.0.0.1:8082"
        ]
    );
    let mounted: Vec<String> = server.volume_mounts.unwrap().into_iter().map(|mount| mount.name).collect();
    assert_eq!(mounted, ["config", "log", "run"]);
    let ports: Vec<(Option<String>, i32)> =
        sidecar.ports.unwrap().into_iter().map(|port| (port.name, port.container_port)).collect();
    assert_eq!(ports, [(Some("https".to_owned()), 8443), (Some("sidecar-health".to_owned()), 8091)]);
    let sleep = server.lifecycle.unwrap().pre_stop.unwrap().sleep.unwrap();
    assert_eq!(sleep.seconds, 5);
}

#[test]
fn without_a_sidecar_the_server_is_at_the_clients_port() {
    let spec = "{sidecar: {enabled: false}}";
    assert_eq!(pod(spec).init_containers, None);
    let server = server(spec);
    let args = server.args.unwrap();
    for flag in ["--listen=0.0.0.0:8443", "--tls-dir=/etc/kivi/tls", "--tokens-dir=/etc/kivi/tokens"] {
        assert!(args.iter().any(|arg| arg == flag), "{flag}");
    }
    assert_eq!(server.ports.unwrap()[0].name.as_deref(), Some("https"));
}

#[test]
fn without_tls_no_port_says_https() {
    let (_, material, children) = children("{tls: {disabled: {}}}");
    assert_eq!(material.certificate, None);
    assert_eq!(
        (children.authority_secret, children.certificate_secret, children.trust_config_map),
        (None, None, None)
    );
    let port = children.service.spec.unwrap().ports.unwrap().remove(0);
    assert_eq!((port.name.as_deref(), port.port), (Some("http"), 443));
    assert!(!sidecar("{tls: {disabled: {}}}").args.unwrap().iter().any(|arg| arg.starts_with("--tls-dir")));
    assert_eq!(store("{tls: {disabled: {}}, service: {port: 80}}").endpoint(), "http://orders.shop.svc");
}

#[test]
fn pods_pass_the_restricted_profile() {
    for spec in ["{}", "{sidecar: {enabled: false}}"] {
        let pod = pod(spec);
        let security = pod.security_context.unwrap();
        assert_eq!(security.run_as_non_root, Some(true));
        assert_eq!((security.run_as_user, security.fs_group), (Some(65532), Some(65532)));
        assert_eq!(security.fs_group_change_policy.as_deref(), Some("OnRootMismatch"));
        assert_eq!(security.seccomp_profile.unwrap().type_, "RuntimeDefault");
        assert_eq!(pod.automount_service_account_token, Some(false));
        for container in pod.containers.iter().chain(pod.init_containers.iter().flatten()) {
            let security = container.security_context.clone().unwrap();
            assert_eq!(security.allow_privilege_escalation, Some(false));
            assert_eq!(security.read_only_root_filesystem, Some(true));
            assert_eq!(security.capabilities.unwrap().drop.unwrap(), ["ALL"]);
        }
    }
}

#[test]
fn only_readiness_of_the_sidecar_follows_the_server() {
    for (container, port) in [(server("{}"), "server-health"), (sidecar("{}"), "sidecar-health")] {
        for (probe, path) in [
            (container.startup_probe, "/startupz"),
            (container.readiness_probe, "/readyz"),
            (container.liveness_probe, "/livez"),
        ] {
            let http = probe.unwrap().http_get.unwrap();
            assert_eq!(http.path.as_deref(), Some(path));
            assert_eq!(serde_json::to_value(http.port).unwrap(), port);
        }
    }
}

#[test]
fn traces_travel_by_the_standard_variables_of_both_containers() {
    let spec = "{sidecar: {tracing: {endpoint: 'http://collector:4318', protocol: HttpProtobuf, sampleRatio: '0.1'}}}";
    for (container, service) in [(server(spec), "kivi-server"), (sidecar(spec), "kivi-sidecar")] {
        for (name, value) in [
            ("OTEL_SERVICE_NAME", service),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ] {
            assert_eq!(env(&container, name).as_deref(), Some(value), "{service}: {name}");
        }
        let attributes = env(&container, "OTEL_RESOURCE_ATTRIBUTES").unwrap();
        assert!(attributes.contains("k8s.pod.name=$(POD_NAME)") && !attributes.contains(' '), "{attributes}");
    }
    assert_eq!(env(&server("{}"), "OTEL_EXPORTER_OTLP_ENDPOINT"), None);
}

#[test]
fn a_stopped_store_keeps_its_volumes_whatever_its_retention() {
    let spec = "{retention: {whenDeleted: Delete, whenScaled: Delete}}";
    let policy = |spec: &str| {
        let set = children(spec).2.stateful_set.spec.unwrap();
        let policy = set.persistent_volume_claim_retention_policy.unwrap();
        (set.replicas.unwrap(), policy.when_deleted.unwrap(), policy.when_scaled.unwrap())
    };
    assert_eq!(policy(spec), (1, "Delete".to_owned(), "Delete".to_owned()));
    let stopped = spec.replace("{retention", "{stopped: true, retention");
    assert_eq!(policy(&stopped), (0, "Delete".to_owned(), "Retain".to_owned()));
}

#[test]
fn a_new_template_reaches_every_pod_whatever_was_edited() {
    let set = serde_json::to_value(children("{}").2.stateful_set).unwrap();
    // Exactly the API server's own default, so that to apply it changes nothing.
    let strategy = serde_json::json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
    assert_eq!(set["spec"]["updateStrategy"], strategy);
}

#[test]
fn the_claim_template_and_the_selector_hold_nothing_that_changes() {
    let set = children("{log: {file: {size: 2Gi, storageClassName: fast}}}").2.stateful_set.spec.unwrap();
    let claim = set.volume_claim_templates.unwrap().remove(0);
    assert_eq!(claim.metadata.name.as_deref(), Some("log"));
    assert_eq!(claim.metadata.labels, set.selector.match_labels);
    assert!(!claim.metadata.labels.unwrap().contains_key("app.kubernetes.io/version"));
    let spec = claim.spec.unwrap();
    assert_eq!(spec.storage_class_name.as_deref(), Some("fast"));
    assert_eq!(spec.resources.unwrap().requests.unwrap()["storage"].0, "2Gi");
}

#[test]
fn pods_look_as_the_user_says_but_keep_the_operators_labels() {
    let spec = "{pod: {labels: {team: a, app.kubernetes.io/instance: other}, annotations: {kivi.dev/config-hash: x, note: y},
        nodeSelector: {disk: ssd}, tolerations: [{key: k, operator: Exists}], priorityClassName: high,
        resources: {limits: {memory: 1Gi}}}}";
    let template = children(spec).2.stateful_set.spec.unwrap().template;
    let metadata = template.metadata.unwrap();
    let (labels, annotations) = (metadata.labels.unwrap(), metadata.annotations.unwrap());
    assert_eq!((labels["team"].as_str(), labels["app.kubernetes.io/instance"].as_str()), ("a", "orders"));
    assert_eq!(annotations["note"], "y");
    assert_ne!(annotations["kivi.dev/config-hash"], "x");
    let pod = template.spec.unwrap();
    assert_eq!(pod.node_selector.unwrap()["disk"], "ssd");
    assert_eq!(pod.tolerations.unwrap()[0].key.as_deref(), Some("k"));
    assert_eq!(pod.priority_class_name.as_deref(), Some("high"));
    assert_eq!(pod.containers[0].resources.clone().unwrap().limits.unwrap()["memory"].0, "1Gi");
}

#[test]
fn rotated_secrets_and_a_grown_volume_roll_no_pod() {
    let template = |spec: &str| children(spec).2.stateful_set.spec.unwrap().template;
    // Each call makes another authority, leaf and token.
    assert_eq!(template("{}"), template("{log: {file: {size: 2Gi}}}"));
    assert_ne!(template("{}"), template("{limits: {keyBytes: 7}}"));
}

#[test]
fn services_select_the_pods_and_the_headless_one_shows_them_early() {
    let (store, _, children) = children("{service: {type: NodePort, port: 8443, annotations: {a: b}}}");
    let service = children.service.spec.unwrap();
    assert_eq!(service.type_.as_deref(), Some("NodePort"));
    assert_eq!(service.selector, Some(store.selector()));
    assert_eq!(service.ports.unwrap()[0].app_protocol.as_deref(), Some("https"));
    assert_eq!(children.service.metadata.annotations.unwrap()["a"], "b");
    assert_eq!(store.endpoint(), "https://orders.shop.svc:8443");
    let pods = children.pods_service.spec.unwrap();
    assert_eq!((pods.cluster_ip.as_deref(), pods.publish_not_ready_addresses), (Some("None"), Some(true)));
}

#[test]
fn secrets_hold_what_pods_and_clients_read() {
    let (_, material, children) = children("{}");
    let issued = material.certificate.unwrap();
    let text = |secret: &Option<Secret>, key: &str| {
        String::from_utf8(secret.as_ref().unwrap().data.as_ref().unwrap()[key].0.clone()).unwrap()
    };
    assert_eq!(text(&children.certificate_secret, "tls.crt"), issued.leaf.certificate);
    assert_eq!(text(&children.certificate_secret, "ca.crt"), issued.authorities.bundle());
    assert_eq!(text(&children.token_secret, "token"), material.token.unwrap());
    assert_eq!(children.trust_config_map.unwrap().data.unwrap()["ca.crt"], issued.authorities.bundle());
    // No pod mounts the authority's key.
    let volumes = serde_json::to_string(&children.stateful_set.spec.unwrap().template).unwrap();
    assert!(!volumes.contains("orders-ca"));
}

#[test]
fn the_pod_template_is_golden_or_an_upgrade_of_the_operator_rolls_every_pod() {
    let template = children("{}").2.stateful_set.spec.unwrap().template;
    let golden = include_str!("golden/pod_template.yaml").replace("RELEASE", kivi_crds::RELEASE);
    let golden: Value = serde_yaml::from_str(&golden).unwrap();
    let built = serde_json::to_value(&template).unwrap();
    assert_eq!(built, golden, "built:\n{}", serde_yaml::to_string(&built).unwrap());
}

#[test]
fn cert_manager_is_asked_for_what_the_operator_would_issue() {
    use crate::dereferenced::Dereferenced;
    use crate::test_support::validated;
    let spec = "{tls: {issuerRef: {name: ca, duration: 48h, dnsNames: [kv.example.com]}}}";
    let found = Dereferenced {
        foreign_kinds: vec![crate::foreign::ForeignKind::Certificate],
        ..Dereferenced::default()
    };
    let store = validated(spec, &found).unwrap();
    let material = crate::material::ensure(&store, crate::test_support::now()).unwrap();
    let children = build(&store, &material);
    let certificate = &children.foreign[0].object;
    assert_eq!(certificate["metadata"]["ownerReferences"][0]["uid"], "uid-1");
    let spec = &certificate["spec"];
    assert_eq!((&spec["secretName"], &spec["duration"]), (&"orders-tls".into(), &"172800s".into()));
    assert_eq!(spec["renewBefore"], "57600s");
    assert_eq!(
        spec["issuerRef"],
        serde_json::json!({"name": "ca", "kind": "Issuer", "group": "cert-manager.io"})
    );
    assert_eq!(spec["ipAddresses"], serde_json::json!(["127.0.0.1"]));
    let names = spec["dnsNames"].as_array().unwrap();
    for name in ["orders.shop.svc", "*.orders-pods.shop.svc.cluster.local", "localhost", "kv.example.com"] {
        assert!(names.contains(&name.into()), "{name}");
    }
    // The pods wait for the Secret that cert-manager makes; there is no other, and nobody to trust yet.
    assert_eq!((children.authority_secret, children.certificate_secret), (None, None));
    assert_eq!(children.trust_config_map, None);
    let template = serde_json::to_string(&children.stateful_set.spec.unwrap().template).unwrap();
    assert!(template.contains(r#""secretName":"orders-tls""#));
    // Another source of the certificate restarts no pod.
    let own = crate::test_support::children("{}").2.stateful_set.spec.unwrap().template;
    assert_eq!(template, serde_json::to_string(&own).unwrap());
}

#[test]
fn a_restart_that_was_asked_for_is_in_the_template_to_stay() {
    use kube::ResourceExt as _;

    use crate::dereferenced::Dereferenced;
    use crate::test_support::{catalog, custom_resource, now};
    use crate::validate::validate;
    let template = |asked: Option<&str>, made: Option<&StatefulSet>| {
        let mut store = custom_resource("{pod: {annotations: {kivi.dev/restart: nobody}}}");
        store.annotations_mut().extend(asked.map(|value| ("kivi.dev/restart".to_owned(), value.to_owned())));
        let found = Dereferenced { stateful_set: made.cloned(), ..Dereferenced::default() };
        stateful_set::build(&validate(&store, &found, &catalog(), "cluster.local", now()).unwrap())
    };
    let restart = |set: &StatefulSet| {
        let template = set.spec.clone().unwrap().template;
        template.metadata.unwrap().annotations.unwrap().get("kivi.dev/restart").cloned()
    };
    let first = template(None, None);
    assert_eq!(restart(&first), None, "the annotation is the store's, not the pod's");
    let asked = template(Some("today"), Some(&first));
    assert_eq!(restart(&asked).as_deref(), Some("today"));
    assert_eq!(template(None, Some(&asked)), asked, "without the annotation nothing restarts again");
    assert_eq!(restart(&template(Some("tomorrow"), Some(&asked))).as_deref(), Some("tomorrow"));
}
