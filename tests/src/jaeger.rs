//! A real Jaeger in the cluster: receives spans over OTLP, answers what it received.

use http::{HeaderMap, Method, StatusCode};
use kivi_api::Client;
use serde_json::{Value, json};

use crate::kubectl::{Kubectl, PortForward};
use crate::{Failure, install};

const NAME: &str = "jaeger";
const OTLP_GRPC: u16 = 4317;
const QUERY: u16 = 16686;
const ADMIN: u16 = 14269;

/// A running Jaeger, reached through a port-forward.
pub struct Jaeger {
    namespace: String,
    forward: PortForward,
}

impl Jaeger {
    /// Runs one in `kubectl`'s namespace and waits until it answers.
    ///
    /// # Errors
    /// When its image or its pod does not come up.
    pub async fn deploy(kubectl: &Kubectl) -> Result<Self, Failure> {
        let image = install::jaeger_image().await?;
        kubectl.apply(&pod(&image).to_string()).await?;
        kubectl.apply(&service().to_string()).await?;
        kubectl.wait("condition=Ready", "pod/jaeger", "120s").await?;
        let forward = kubectl.forward("pod/jaeger", QUERY).await?;
        Ok(Self { namespace: kubectl.current_namespace().to_owned(), forward })
    }

    /// Where spans are sent to from within the cluster.
    pub fn otlp_endpoint(&self) -> String {
        format!("http://{NAME}.{}.svc:{OTLP_GRPC}", self.namespace)
    }

    /// The spans of a trace that have arrived, each `{id, parent, operation, service}`.
    ///
    /// # Errors
    /// When Jaeger does not answer.
    pub async fn spans(&self, trace: &str) -> Result<Vec<Value>, Failure> {
        let what = "asking Jaeger for a trace";
        let url = format!("http://{}", self.forward.address());
        let client = Client::builder(&url).build().map_err(|error| Failure::doing(what, error))?;
        let path = format!("/api/traces/{trace}");
        let answer = client.request(Method::GET, &path, HeaderMap::new(), bytes::Bytes::new()).await;
        let answer = answer.map_err(|error| Failure::doing(what, error))?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let body: Value =
            serde_json::from_slice(answer.body()).map_err(|error| Failure::doing(what, error))?;
        Ok(flatten(&body))
    }
}

/// Jaeger's answer, with each span's service and parent beside it.
fn flatten(answer: &Value) -> Vec<Value> {
    let empty = Vec::new();
    let trace = &answer["data"][0];
    let spans = trace["spans"].as_array().unwrap_or(&empty).iter();
    spans
        .map(|span| {
            let process = span["processID"].as_str().unwrap_or_default();
            json!({
                "id": span["spanID"],
                "parent": span["references"][0]["spanID"],
                "operation": span["operationName"],
                "service": trace["processes"][process]["serviceName"],
            })
        })
        .collect()
}

fn pod(image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": {"app": NAME}},
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": NAME, "image": image, "args": ["--log-level=warn"],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "readinessProbe": {"httpGet": {"path": "/", "port": ADMIN}, "periodSeconds": 1},
            }],
        },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
        "spec": {"selector": {"app": NAME}, "ports": [{"name": "otlp-grpc", "port": OTLP_GRPC}]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_carries_its_service_and_its_parent() {
        let answer = json!({"data": [{
            "spans": [{"spanID": "b", "operationName": "GET", "processID": "p1", "references": [{"spanID": "a"}]}],
            "processes": {"p1": {"serviceName": "kivi-server"}},
        }]});
        let expected = json!({"id": "b", "parent": "a", "operation": "GET", "service": "kivi-server"});
        assert_eq!(flatten(&answer), [expected]);
        assert!(flatten(&json!({"data": []})).is_empty());
    }
}
