//! What a user lays over the pod template, and what cannot be laid over: what makes the pod a store's, what other
//! fields say, and what keeps it within the restricted profile of the Pod Security Standards.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use kivi_crds::Opaque;
use serde_json::{Map, Value};

use super::error::{ValidationError, refused};
use super::opaque::parse;
use crate::backup::build::{self, RESTORE};

mod security;

use security::security;

const ROOT: &str = "pod.template";

/// Fields of the pod that may be laid over.
const POD: [&str; 15] = [
    "containers",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostUsers",
    "imagePullSecrets",
    "initContainers",
    "readinessGates",
    "runtimeClassName",
    "schedulerName",
    "schedulingGates",
    "securityContext",
    "terminationGracePeriodSeconds",
    "volumes",
];
/// Fields of the server's and the sidecar's containers that may be laid over.
const CONTAINER: [&str; 9] = [
    "env",
    "envFrom",
    "lifecycle",
    "livenessProbe",
    "name",
    "readinessProbe",
    "securityContext",
    "startupProbe",
    "volumeMounts",
];
/// Fields that are elsewhere in the spec.
const ELSEWHERE: [(&str, &str); 8] = [
    ("metadata", "spec.pod.labels and spec.pod.annotations"),
    ("nodeSelector", "spec.pod.nodeSelector"),
    ("tolerations", "spec.pod.tolerations"),
    ("affinity", "spec.pod.affinity"),
    ("topologySpreadConstraints", "spec.pod.topologySpreadConstraints"),
    ("priorityClassName", "spec.pod.priorityClassName"),
    ("serviceAccountName", "spec.pod.serviceAccount.name"),
    ("resources", "spec.pod.resources, and for the sidecar spec.sidecar.resources"),
];
/// The operator's own volumes, and the claim's.
const VOLUMES: [&str; 5] = ["config", "tokens", "tls", "run", kivi_crds::LOG_VOLUME];
/// Where they are mounted.
const PLACES: [&str; 4] = ["/etc/kivi", "/run/kivi", "/var/lib/kivi", "/var/lib/kivi-backup"];
/// The kinds of volumes that the restricted profile allows.
const VOLUME_KINDS: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
/// Variables by which a process knows its pod.
const VARIABLES: [&str; 2] = ["POD_NAME", "POD_NAMESPACE"];

type Object = Map<String, Value>;

/// What is laid over the template.
pub(super) fn overlay(
    written: Option<&Opaque>,
    sidecar: bool,
) -> Result<Option<PodTemplateSpec>, ValidationError> {
    let Some(written) = written else {
        return Ok(None);
    };
    let parsed = parse(ROOT, written)?;
    only(ROOT, &written.0, &["spec"])?;
    if let Some(pod) = written.0.get("spec").and_then(Value::as_object) {
        check_pod(pod, sidecar)?;
    }
    Ok(Some(parsed))
}

fn check_pod(pod: &Object, sidecar: bool) -> Result<(), ValidationError> {
    let path = format!("{ROOT}.spec");
    only(&path, pod, &POD)?;
    security(&path, pod)?;
    for (path, volume) in named(&path, pod, "volumes")? {
        own_volume(&path, volume)?;
        let kind = volume.keys().find(|key| *key != "name" && !VOLUME_KINDS.contains(&key.as_str()));
        if let Some(kind) = kind {
            return Err(refused(format!("{path}.{kind}"), "the restricted profile allows no such volume"));
        }
    }
    for (list, own, misplaced) in
        [("containers", "server", "sidecar"), ("initContainers", "sidecar", "server")]
    {
        for (path, container) in named(&path, pod, list)? {
            let name = text(container, "name");
            if name == RESTORE {
                return Err(refused(path, "the container restore is the operator's own; name another"));
            }
            if name == misplaced {
                let right = if list == "containers" { "initContainers" } else { "containers" };
                return Err(refused(path, &format!("the store's {name} is among the {right}")));
            }
            if name == "sidecar" && !sidecar {
                return Err(refused(path, "spec.sidecar.enabled is false, so there is no sidecar"));
            }
            if name == own {
                only(&path, container, &CONTAINER)?;
            }
            check_container(&path, container, name == own)?;
        }
    }
    Ok(())
}

fn check_container(path: &str, container: &Object, own: bool) -> Result<(), ValidationError> {
    security(path, container)?;
    for (path, mount) in objects(path, container, "volumeMounts") {
        own_volume(&path, mount)?;
        let place = text(mount, "mountPath");
        let within = |folder: &&str| place == *folder || place.starts_with(&format!("{folder}/"));
        if own && PLACES.iter().any(within) {
            return Err(refused(format!("{path}.mountPath"), "the operator mounts its own volumes there"));
        }
    }
    for (path, variable) in objects(path, container, "env") {
        if own && VARIABLES.contains(&text(variable, "name")) {
            return Err(refused(path, "the operator sets this variable"));
        }
    }
    match objects(path, container, "ports").into_iter().find(|(_, port)| port.contains_key("hostPort")) {
        Some((path, _)) => {
            Err(refused(format!("{path}.hostPort"), "the restricted profile allows no port of a node"))
        }
        None => Ok(()),
    }
}

fn own_volume(path: &str, object: &Object) -> Result<(), ValidationError> {
    match text(object, "name") {
        name if VOLUMES.contains(&name) || build::VOLUMES.contains(&name) => Err(refused(
            format!("{path}.name"),
            &format!("the volume {name} is the operator's own; name another"),
        )),
        _ => Ok(()),
    }
}

/// Refuses fields that are not in the list.
fn only(path: &str, object: &Object, allowed: &[&str]) -> Result<(), ValidationError> {
    let Some(field) = object.keys().find(|field| !allowed.contains(&field.as_str())) else {
        return Ok(());
    };
    let elsewhere = ELSEWHERE.iter().find(|(name, _)| name == field);
    let reason = elsewhere.map_or_else(
        || "the operator sets it, and it cannot be laid over".to_owned(),
        |(_, place)| format!("write {place} instead"),
    );
    Err(refused(format!("{path}.{field}"), &reason))
}

/// The objects of a list, each of which needs a name: by it, they are laid over the operator's.
fn named<'o>(
    path: &str,
    object: &'o Object,
    list: &str,
) -> Result<Vec<(String, &'o Object)>, ValidationError> {
    let found = objects(path, object, list);
    match found.iter().find(|(_, object)| text(object, "name").is_empty()) {
        Some((path, _)) => Err(refused(path.clone(), "it needs a name")),
        None => Ok(found),
    }
}

/// The objects of a list, with their paths.
fn objects<'o>(path: &str, object: &'o Object, list: &str) -> Vec<(String, &'o Object)> {
    let found = object.get(list).and_then(Value::as_array).into_iter().flatten().enumerate();
    found.filter_map(|(index, item)| Some((format!("{path}.{list}[{index}]"), item.as_object()?))).collect()
}

fn text<'o>(object: &'o Object, field: &str) -> &'o str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
