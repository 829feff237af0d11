use super::*;
use crate::dereferenced::Dereferenced;
use crate::test_support::{children, validated};

fn refusal(pod: &str) -> String {
    let spec = format!("{{pod: {{template: {{spec: {pod}}}}}}}");
    validated(&spec, &Dereferenced::default()).expect_err(pod).to_string()
}

#[test]
fn what_cannot_be_laid_over_is_refused_by_its_path() {
    for (pod, sentence) in [
        ("{hostNetwork: true}", "hostNetwork: the operator sets it"),
        ("{nodeName: a}", "nodeName: the operator sets it"),
        ("{tolerations: []}", "tolerations: write spec.pod.tolerations instead"),
        ("{serviceAccountName: a}", "serviceAccountName: write spec.pod.serviceAccount.name instead"),
        ("{schedulerNmae: a}", "schedulerNmae: Kubernetes knows no such field"),
        ("{schedulerName: 5}", "schedulerName: invalid type"),
        ("{containers: [{image: a}]}", "containers[0]: it needs a name"),
        ("{containers: [{name: server, image: mine}]}", "containers[0].image: the operator sets it"),
        (
            "{containers: [{name: server, resources: {}}]}",
            "containers[0].resources: write spec.pod.resources, and for the sidecar",
        ),
        ("{initContainers: [{name: sidecar, restartPolicy: Never}]}", "initContainers[0].restartPolicy: the"),
        ("{containers: [{name: sidecar}]}", "containers[0]: the store's sidecar is among the initContainers"),
        (
            "{initContainers: [{name: server}]}",
            "initContainers[0]: the store's server is among the containers",
        ),
        (
            "{containers: [{name: server, env: [{name: A}, {name: POD_NAME, value: x}]}]}",
            "containers[0].env[1]: the operator sets this variable",
        ),
        (
            "{containers: [{name: server, volumeMounts: [{name: mine, mountPath: /var/lib/kivi/x}]}]}",
            "containers[0].volumeMounts[0].mountPath: the operator mounts",
        ),
        (
            "{containers: [{name: other, volumeMounts: [{name: log, mountPath: /x}]}]}",
            "containers[0].volumeMounts[0].name: the volume log is the operator's own",
        ),
        ("{volumes: [{name: tls, emptyDir: {}}]}", "volumes[0].name: the volume tls is the operator's own"),
        ("{volumes: [{name: x, hostPath: {path: /}}]}", "volumes[0].hostPath: the restricted profile"),
        (
            "{containers: [{name: other, ports: [{containerPort: 1, hostPort: 1}]}]}",
            "containers[0].ports[0].hostPort: the restricted profile",
        ),
    ] {
        let refusal = refusal(pod);
        assert!(refusal.starts_with(&format!("spec.pod.template.spec.{sentence}")), "{pod}: {refusal}");
    }
    let metadata = "{pod: {template: {metadata: {labels: {a: b}}}}}";
    let refusal = validated(metadata, &Dereferenced::default()).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "spec.pod.template.metadata: write spec.pod.labels and spec.pod.annotations instead."
    );
    let absent = "{sidecar: {enabled: false}, pod: {template: {spec: {initContainers: [{name: sidecar}]}}}}";
    let refusal = validated(absent, &Dereferenced::default()).unwrap_err().to_string();
    assert!(refusal.contains("there is no sidecar"), "{refusal}");
}

#[test]
fn nothing_takes_a_pod_out_of_the_restricted_profile() {
    for context in [
        "{privileged: true}",
        "{allowPrivilegeEscalation: true}",
        "{runAsNonRoot: false}",
        "{runAsUser: 0}",
        "{procMount: Unmasked}",
        "{capabilities: {add: [NET_ADMIN]}}",
        "{capabilities: {drop: [KILL]}}",
        "{seccompProfile: {type: Unconfined}}",
        "{appArmorProfile: {type: Unconfined}}",
        "{seLinuxOptions: {type: spc_t}}",
        "{seLinuxOptions: {user: root}}",
        "{windowsOptions: {hostProcess: true}}",
    ] {
        for container in ["server", "other"] {
            let refusal =
                refusal(&format!("{{containers: [{{name: {container}, securityContext: {context}}}]}}"));
            assert!(
                refusal.contains("].securityContext.") && refusal.contains("restricted profile"),
                "{refusal}"
            );
        }
    }
    for context in [
        "{runAsNonRoot: false}",
        "{runAsUser: 0}",
        "{seccompProfile: {type: Unconfined}}",
        "{sysctls: [{name: kernel.msgmax, value: '1'}]}",
    ] {
        let refusal = refusal(&format!("{{securityContext: {context}}}"));
        assert!(refusal.starts_with("spec.pod.template.spec.securityContext."), "{refusal}");
    }
}

#[test]
fn what_is_laid_over_is_merged_by_name() {
    let spec = "{pod: {template: {spec: {
        schedulerName: mine, terminationGracePeriodSeconds: 120, imagePullSecrets: [{name: registry}],
        securityContext: {fsGroup: 1000, seLinuxOptions: {level: 's0:c1,c2'},
            sysctls: [{name: net.ipv4.tcp_keepalive_time, value: '60'}]},
        volumes: [{name: scratch, emptyDir: {}}],
        containers: [
            {name: server, env: [{name: MALLOC, value: x}], volumeMounts: [{name: scratch, mountPath: /scratch}],
             livenessProbe: {periodSeconds: 30}},
            {name: shipper, image: shipper, securityContext: {readOnlyRootFilesystem: false}}],
        initContainers: [{name: sidecar, env: [{name: OTEL_SERVICE_NAME, value: mine}]}, {name: first, image: first}]}}}}";
    let template = children(spec).2.stateful_set.spec.unwrap().template;
    let plain = children("{}").2.stateful_set.spec.unwrap().template;
    assert_eq!(template.metadata, plain.metadata);
    let (pod, plain) = (template.spec.unwrap(), plain.spec.unwrap());
    assert_eq!(pod.scheduler_name.as_deref(), Some("mine"));
    assert_eq!(pod.termination_grace_period_seconds, Some(120));
    assert_eq!(pod.image_pull_secrets.unwrap()[0].name, "registry");
    let security = pod.security_context.unwrap();
    assert_eq!((security.fs_group, security.run_as_non_root), (Some(1000), Some(true)));
    assert_eq!(pod.volumes.unwrap().len(), plain.volumes.unwrap().len() + 1);

    let [server, shipper] = pod.containers.as_slice() else { panic!("two containers: {:?}", pod.containers) };
    let before = &plain.containers[0];
    assert_eq!((&server.image, &server.args, &server.ports), (&before.image, &before.args, &before.ports));
    let variables = |container: &k8s_openapi::api::core::v1::Container| container.env.clone().unwrap();
    assert_eq!(variables(server).len(), variables(before).len() + 1);
    let probe = server.liveness_probe.clone().unwrap();
    assert_eq!((probe.period_seconds, probe.http_get.is_some()), (Some(30), true));
    assert_eq!(server.security_context, before.security_context);
    let own = shipper.security_context.clone().unwrap();
    assert_eq!((own.read_only_root_filesystem, own.allow_privilege_escalation), (Some(false), Some(false)));

    let init = pod.init_containers.unwrap();
    let names: Vec<&str> = init.iter().map(|container| container.name.as_str()).collect();
    assert_eq!(names, ["sidecar", "first"]);
    let name = variables(&init[0]).into_iter().find(|variable| variable.name == "OTEL_SERVICE_NAME").unwrap();
    assert_eq!(name.value.as_deref(), Some("mine"));
    assert_eq!(init[0].restart_policy.as_deref(), Some("Always"));
}

#[test]
fn every_volume_of_the_operators_is_known_as_its_own() {
    for spec in ["{}", "{sidecar: {enabled: false}}", "{tls: {disabled: {}}}"] {
        let set = children(spec).2.stateful_set.spec.unwrap();
        let pod = set.template.spec.unwrap();
        let claims = set.volume_claim_templates.into_iter().flatten().filter_map(|claim| claim.metadata.name);
        for volume in pod.volumes.into_iter().flatten().map(|volume| volume.name).chain(claims) {
            assert!(VOLUMES.contains(&volume.as_str()), "a template could replace the volume {volume}");
        }
        let mounts = pod.containers.iter().chain(pod.init_containers.iter().flatten());
        for mount in mounts.flat_map(|container| container.volume_mounts.iter().flatten()) {
            let place = |folder: &&&str| mount.mount_path.starts_with(**folder);
            assert!(
                PLACES.iter().any(|folder| place(&folder)),
                "a template could mount over {}",
                mount.mount_path
            );
        }
    }
}
