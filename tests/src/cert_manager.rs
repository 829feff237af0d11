//! A real cert-manager in the cluster: its controller, without the webhook, which tests do without.

use serde_json::{Value, json};

use crate::kubectl::Kubectl;
use crate::{Failure, install};

/// Namespace, account, role binding and pod.
const NAME: &str = "cert-manager";

/// Runs one in the local cluster, once, and waits until it works. Another cluster's is the user's to bring.
///
/// # Errors
/// When its image, its definitions or its pod do not come up.
pub async fn ensure(kubectl: &Kubectl) -> Result<(), Failure> {
    let Some(parts) = install::cert_manager().await? else {
        return Ok(());
    };
    let system = kubectl.namespace(NAME);
    for definition in &parts.definitions {
        system.apply(definition).await?;
    }
    system.apply(&rights().to_string()).await?;
    system.wait("create", "serviceaccount/default", "30s").await?;
    system.apply(&pod(&parts.image).to_string()).await?;
    system.wait("condition=Established", "crd/certificates.cert-manager.io", "30s").await?;
    system.wait("condition=Ready", "pod/cert-manager", "120s").await
}

/// What it is made of.
pub struct Parts {
    /// Image of the controller.
    pub image: String,
    /// Definitions of its resources, as YAML.
    pub definitions: Vec<String>,
}

/// A definition as Helm would render it; all that its template adds are labels.
pub(crate) fn rendered(template: &str) -> String {
    template.lines().filter(|line| !line.contains("{{")).flat_map(|line| [line, "\n"]).collect()
}

fn rights() -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": NAME}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "test-cert-manager"},
            // The tests are not about its rights.
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAME}],
        },
    ]})
}

fn pod(image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME},
        "spec": {
            "serviceAccountName": NAME,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": NAME, "image": image,
                "args": ["--leader-elect=false", format!("--cluster-resource-namespace={NAME}")],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "readinessProbe": {"httpGet": {"path": "/metrics", "port": 9402}, "periodSeconds": 1},
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_loses_what_a_template_would_fill_in_and_nothing_else() {
        let template = "metadata:\n  name: a\n  labels:\n    app: '{{ .Name }}'\nspec: {}\n";
        assert_eq!(rendered(template), "metadata:\n  name: a\n  labels:\nspec: {}\n");
    }
}
