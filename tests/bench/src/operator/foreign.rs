//! Somebody else's Secrets and pods: what an operator meets in a cluster that it has not for itself.

use serde_json::{Value, json};

/// Of so many in one namespace.
const PER_NAMESPACE: usize = 500;
/// A key pair, or a configuration of an application.
const SECRET_BYTES: usize = 1500;

/// Namespaces for so many objects of each kind.
pub(super) fn namespaces(count: usize) -> Vec<String> {
    (0..count.div_ceil(PER_NAMESPACE)).map(|number| format!("kivi-bench-foreign-{number}")).collect()
}

fn metadata(number: usize, kind: &str) -> Value {
    json!({
        "name": format!("{kind}-of-an-application-{number:05}"),
        "namespace": format!("kivi-bench-foreign-{}", number / PER_NAMESPACE),
        "labels": {
            "app.kubernetes.io/name": "application",
            "app.kubernetes.io/instance": format!("application-{number:05}"),
            "app.kubernetes.io/managed-by": "Helm",
            "helm.sh/chart": "application-1.2.3",
        },
        "annotations": {
            "meta.helm.sh/release-name": format!("application-{number:05}"),
            "meta.helm.sh/release-namespace": format!("kivi-bench-foreign-{}", number / PER_NAMESPACE),
            "checksum/config": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        },
    })
}

/// One Secret.
pub(super) fn secret(number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata(number, "secret"), "type": "Opaque",
        "stringData": {"username": format!("user-{number}"), "configuration": "x".repeat(SECRET_BYTES)},
    })
}

/// One pod. Its gate (`schedulingGates`) keeps the scheduler, and the simulation, from it: their work is not measured.
pub(super) fn pod(number: usize) -> Value {
    let variable = |index: usize| json!({"name": format!("VARIABLE_{index}"), "value": format!("value {index} of {number}")});
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.example/{name}:1.2.3"),
            "env": (0..10).map(variable).collect::<Vec<_>>(),
            "ports": [{"containerPort": 8080}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
            "volumeMounts": [{"name": "configuration", "mountPath": "/etc/application"}],
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata(number, "pod"),
        "spec": {
            "schedulingGates": [{"name": "kivi.dev/bench"}],
            "containers": [container("application"), container("proxy")],
            "volumes": [{"name": "configuration", "secret": {"secretName": format!("secret-of-an-application-{number:05}")}}],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_is_in_a_namespace_that_is_made() {
        let namespaces = namespaces(1001);
        assert_eq!(namespaces.len(), 3);
        for number in [0, 499, 500, 1000] {
            let namespace = secret(number)["metadata"]["namespace"].as_str().unwrap().to_owned();
            assert!(namespaces.contains(&namespace), "{namespace}");
            assert_eq!(pod(number)["metadata"]["namespace"], namespace);
        }
    }
}
