use std::fs;
use std::path::Path;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};

use super::*;
use crate::backup::model::{BackupJob, Copy, Placement, Source, Tools};
use crate::dereferenced::Dereferenced;
use crate::material::ensure;
use crate::test_support::{catalog, children, custom_resource, issued, now, secret, store, tools, validated};

fn backup(destination: &str) -> BackupJob {
    let destination: kivi_crds::Destination = serde_yaml::from_str(destination).unwrap();
    BackupJob {
        name: "orders-at-20261127-0200".to_owned(),
        owner: serde_yaml::from_str(
            "{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStoreBackup, name: b, uid: u}",
        )
        .unwrap(),
        copy: Copy {
            source: Source {
                store: "orders".to_owned(),
                namespace: "shop".to_owned(),
                endpoint: "https://orders.shop.svc".to_owned(),
                ca_config_map: Some("orders-ca".to_owned()),
                tokens_secret: "orders-token".to_owned(),
            },
            destination: destination.resolved("shop", "orders", "uid-1"),
            tools: tools(),
            placement: Placement::default(),
        },
        retention: None,
    }
}

fn pod(backup: &BackupJob) -> PodSpec {
    job(backup).spec.unwrap().template.spec.unwrap()
}

fn args(backup: &BackupJob) -> Vec<String> {
    pod(backup).containers.remove(0).args.unwrap()
}

#[test]
fn no_builder_names_a_client() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backup/build");
    for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for client in ["kube::", "kube_runtime", "Client", "Api<", "Timestamp", "OsRng"] {
            assert!(!text.contains(client), "{} names {client}", file.display());
        }
    }
}

#[test]
fn a_backup_to_a_volume_reads_the_store_as_a_client_and_writes_into_its_own_folder() {
    let backup = backup("{volume: {claimName: backups}}");
    assert_eq!(
        args(&backup),
        [
            "backup",
            "--server=https://orders.shop.svc",
            "--tokens-dir=/etc/kivi/tokens",
            "--to=file:///var/lib/kivi-backup/shop/orders/uid-1",
            "--report=/dev/termination-log",
            "--ca=/etc/kivi/ca/ca.crt",
            "--name=orders-at-20261127-0200",
            "--uid=u",
        ]
    );
    let pod = pod(&backup);
    let volumes = pod.volumes.unwrap();
    let claim = volumes.iter().find_map(|volume| volume.persistent_volume_claim.as_ref()).unwrap();
    assert_eq!(claim.claim_name, "backups");
    let mounts = pod.containers[0].volume_mounts.as_ref().unwrap();
    let writable: Vec<_> =
        mounts.iter().filter(|m| m.read_only != Some(true)).map(|m| &m.mount_path).collect();
    assert_eq!(writable, ["/var/lib/kivi-backup"]);
}

#[test]
fn a_backup_to_a_bucket_gets_its_credentials_by_reference() {
    let backup = backup(
        "{s3: {bucket: b, prefix: p, endpoint: 'http://minio:9000', allowHttp: true, credentialsSecretRef: {name: keys}}}",
    );
    assert!(args(&backup).contains(&"--to=s3://b/p".to_owned()));
    let environment = pod(&backup).containers.remove(0).env.unwrap();
    let values: Vec<_> = environment
        .iter()
        .filter_map(|variable| Some((variable.name.as_str(), variable.value.as_deref()?)))
        .collect();
    let expected =
        [("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "http://minio:9000"), ("AWS_ALLOW_HTTP", "true")];
    assert_eq!(values, expected);
    let secret = |name: &str| {
        let variable = environment.iter().find(|variable| variable.name == name)?;
        let key = variable.value_from.as_ref()?.secret_key_ref.as_ref()?;
        Some((key.name.clone(), key.key.clone()))
    };
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        assert_eq!(secret(name), Some(("keys".to_owned(), name.to_owned())));
    }
}

#[test]
fn a_bucket_is_trusted_by_the_authorities_of_its_secret() {
    let backup = backup("{s3: {bucket: b, prefix: p, caSecretRef: {name: minio, key: root.pem}}}");
    let pod = pod(&backup);
    let container = &pod.containers[0];
    let bundle = container.env.iter().flatten().find(|variable| variable.name == "AWS_CA_BUNDLE").unwrap();
    assert_eq!(bundle.value.as_deref(), Some("/etc/kivi/bucket-ca/ca.crt"));
    let mount = container.volume_mounts.iter().flatten().find(|m| m.mount_path == "/etc/kivi/bucket-ca");
    let name = &mount.unwrap().name;
    let volume = pod.volumes.iter().flatten().find(|volume| volume.name == *name).unwrap();
    let secret = volume.secret.as_ref().unwrap();
    let items = secret.items.as_ref().unwrap();
    assert_eq!((secret.secret_name.as_deref(), items[0].key.as_str()), (Some("minio"), "root.pem"));
    assert_eq!(items[0].path, "ca.crt");
    // A store's pods begin with such a volume too, and start when the Secret is long gone.
    assert_eq!(secret.optional, Some(true));
}

#[test]
fn only_what_the_schedule_made_is_removed_by_it() {
    let mut backup = backup("{s3: {bucket: b}}");
    let pruning = |backup: &BackupJob| -> Vec<String> {
        args(backup)
            .into_iter()
            .filter(|arg| arg.starts_with("--keep") || arg.starts_with("--prune"))
            .collect()
    };
    for (retention, expected) in [
        (None, vec![]),
        (Some("{}"), vec![]),
        (Some("{keep: 7, keepFor: 24h}"), vec!["--keep=7", "--keep-for=24h", "--prune-prefix=orders-at-"]),
    ] {
        backup.retention = retention.map(|yaml| serde_yaml::from_str(yaml).unwrap());
        assert_eq!(pruning(&backup), expected);
    }
}

#[test]
fn a_job_that_ended_goes_after_a_week() {
    let job = job(&backup("{volume: {claimName: backups}}"));
    assert_eq!(job.spec.unwrap().ttl_seconds_after_finished, Some(7 * 24 * 3600));
}

#[test]
fn the_pod_is_no_pod_of_the_store_and_keeps_to_the_restricted_profile() {
    let job = job(&backup("{volume: {claimName: backups}}"));
    let template = job.spec.unwrap().template;
    let labels = template.metadata.unwrap().labels.unwrap();
    let selector = kivi_crds::labels::selector("orders");
    assert!(!selector.iter().all(|(key, value)| labels.get(key) == Some(value)), "{labels:?}");
    assert_eq!(labels["app.kubernetes.io/component"], "backup");
    assert_eq!(labels["app.kubernetes.io/instance"], "orders");
    let pod = template.spec.unwrap();
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert_eq!(pod.security_context.unwrap().run_as_non_root, Some(true));
    let container = pod.containers[0].security_context.as_ref().unwrap();
    assert_eq!(container.allow_privilege_escalation, Some(false));
    assert_eq!(container.read_only_root_filesystem, Some(true));
}

#[test]
fn a_pod_runs_where_the_stores_own_do_and_as_they_do() {
    let made = |spec: &str| {
        let place = "pointInTime: {}, destination: {volume: {claimName: b}}";
        let spec = spec.replace("backup: {", &format!("backup: {{{place}, "));
        let made = cron_job(&store(&spec)).unwrap().spec.unwrap().job_template.spec.unwrap();
        serde_json::to_value(made.template.spec.unwrap()).unwrap()
    };
    let plain = made("{backup: {}}");
    assert_eq!(plain["serviceAccountName"], "orders");
    let same = ["nodeSelector", "tolerations", "affinity", "priorityClassName", "imagePullSecrets"];
    for field in same {
        assert!(plain.get(field).is_none(), "{field}: {plain}");
    }
    assert!(plain["containers"][0].get("resources").is_none(), "{plain}");

    let spec = "{backup: {resources: {requests: {memory: 64Mi}}}, pod: {
        serviceAccount: {name: mine}, nodeSelector: {disk: ssd}, priorityClassName: high,
        tolerations: [{key: stores, operator: Exists, effect: NoSchedule}],
        affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms:
          [{matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [amd64]}]}]}}, podAntiAffinity: {}},
        template: {spec: {imagePullSecrets: [{name: registry}]}}}}";
    let (_, _, children) = children(spec);
    let own = serde_json::to_value(children.stateful_set.spec.unwrap().template.spec.unwrap()).unwrap();
    let copies = made(spec);
    for field in
        ["serviceAccountName", "nodeSelector", "tolerations", "priorityClassName", "imagePullSecrets"]
    {
        assert!(own.get(field).is_some() && copies[field] == own[field], "{field}: {copies}");
    }
    // Of the rules on neighbours, none: it is no server.
    let rules = own["affinity"]["nodeAffinity"].clone();
    assert_eq!(copies["affinity"], serde_json::json!({"nodeAffinity": rules}));
    assert_eq!(copies["containers"][0]["resources"]["requests"]["memory"], "64Mi");
}

#[test]
fn the_log_is_copied_at_minutes_of_the_stores_own() {
    let made = |every: &str| {
        let spec = format!(
            "{{backup: {{pointInTime: {{every: {every}}}, destination: {{volume: {{claimName: b}}}}}}}}"
        );
        cron_job(&store(&spec)).unwrap().spec.unwrap()
    };
    let spec = made("5m");
    let (first, rest) = spec.schedule.split_once('-').unwrap();
    assert!(first.parse::<u32>().unwrap() < 5 && rest == "59/5 * * * *", "{}", spec.schedule);
    assert_eq!(spec.suspend, Some(true), "without a backup there is nothing to add a log to");
    assert_eq!(spec.concurrency_policy.as_deref(), Some("Forbid"));
    let pod = spec.job_template.spec.unwrap().template.spec.unwrap();
    let args = pod.containers[0].args.as_ref().unwrap();
    assert!(args.contains(&"archive".to_owned()) && args.contains(&"--once".to_owned()), "{args:?}");
    assert_eq!(made("1m").schedule, "* * * * *");
    let hourly = made("1h").schedule;
    assert!(hourly.split(' ').next().unwrap().parse::<u32>().unwrap() < 60, "{hourly}");
    assert!(cron_job(&store("{}")).is_none());
}

#[test]
fn a_volume_is_filled_before_anything_else_of_the_pod_starts() {
    let spec = "{bootstrap: {fromBackup: {destination: {volume: {claimName: old, path: shop/orders}}, atRevision: 7}}}";
    let (_, _, children) = children(spec);
    let pod = children.stateful_set.spec.as_ref().unwrap().template.spec.clone().unwrap();
    let init = pod.init_containers.unwrap();
    assert_eq!(init.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), [RESTORE, "sidecar"]);
    assert_eq!(
        init[0].args.as_ref().unwrap(),
        &[
            "restore",
            "--from=file:///var/lib/kivi-backup/shop/orders",
            "--backup=latest",
            "--data-dir=/var/lib/kivi",
            "--unless-exists",
            "--at-revision=7",
        ]
    );
}

#[test]
fn what_fills_a_volume_has_the_servers_resources_unless_it_was_made_without() {
    let spec = |memory: &str| {
        format!(
            "{{pod: {{resources: {{requests: {{memory: {memory}}}}}}}, bootstrap: {{fromBackup: {{destination: {{volume: {{claimName: old, path: p}}}}}}}}}}"
        )
    };
    let asked = |set: &StatefulSet| {
        let pod = set.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
        let resources = pod.init_containers.as_ref().unwrap()[0].resources.clone();
        resources.and_then(|resources| Some(resources.requests?["memory"].0.clone()))
    };
    let then = |made: StatefulSet| {
        let found = Dereferenced { stateful_set: Some(made), ..Dereferenced::default() };
        let store = validated(&spec("2Gi"), &found).unwrap();
        asked(&crate::build::build(&store, &ensure(&store, now()).unwrap()).stateful_set)
    };
    let mut made = children(&spec("1Gi")).2.stateful_set;
    assert_eq!(asked(&made).as_deref(), Some("1Gi"));
    assert_eq!(then(made.clone()).as_deref(), Some("2Gi"));
    // As the API server tells of one of an earlier release.
    let pod = made.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
    pod.init_containers.as_mut().unwrap()[0].resources = Some(ResourceRequirements::default());
    assert_eq!(then(made), None);
}

#[test]
fn a_pod_stays_as_it_was_made_whatever_becomes_of_its_backup_and_of_the_operators_image() {
    for place in [
        "volume: {claimName: old, path: p}",
        "s3: {bucket: old, prefix: p, credentialsSecretRef: {name: keys}, caSecretRef: {name: minio}}",
    ] {
        let spec = format!("{{bootstrap: {{fromBackup: {{destination: {{{place}}}}}}}}}");
        let minio = secret("minio", [("ca.crt", issued().authorities.active.certificate.as_str())]);
        let found = Dereferenced { backup_authority: Some(minio), ..Dereferenced::default() };
        let store = validated(&spec, &found).unwrap();
        let material = ensure(&store, now()).unwrap();
        let first = crate::build::build(&store, &material);
        assert_eq!(
            first
                .stateful_set
                .spec
                .as_ref()
                .unwrap()
                .template
                .spec
                .as_ref()
                .unwrap()
                .volumes
                .as_ref()
                .unwrap()
                .len(),
            5
        );
        let newer = Tools { image: "reg/operator:2".to_owned(), ..tools() };
        let found = Dereferenced {
            stateful_set: Some(first.stateful_set.clone()),
            tools: Some(newer),
            ..Dereferenced::default()
        };
        let store =
            crate::validate::validate(&custom_resource(&spec), &found, &catalog(), "cluster.local", now())
                .unwrap();
        let second = crate::build::build(&store, &material);
        let template =
            |set: &StatefulSet| serde_json::to_string(&set.spec.as_ref().unwrap().template).unwrap();
        assert_eq!(template(&first.stateful_set), template(&second.stateful_set), "{place}");
    }
}
