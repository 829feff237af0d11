//! One in the cluster: a pod and a Service.

use serde_json::{Value, json};

use super::{ACCESS_KEY, BUCKET, Pair, REGION, SECRET_KEY};
use crate::kubectl::Kubectl;
use crate::{Failure, install};

const NAME: &str = "s3";
/// Its Secret with the pair.
const TLS: &str = "s3-tls";
const PORT: u16 = 7070;

/// A running server, reached from within the cluster.
#[derive(Debug)]
pub struct S3 {
    namespace: String,
}

impl S3 {
    /// Runs one in `kubectl`'s namespace and waits until it answers. Beside it is the Secret `s3`, whose keys are the
    /// environment of a client: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`. It speaks TLS alone, for [`S3::host`].
    ///
    /// # Errors
    /// When its image or its pod does not come up.
    pub async fn deploy(kubectl: &Kubectl, pair: Pair<'_>) -> Result<Self, Failure> {
        let image = install::s3_image().await?;
        for manifest in [secret(), tls(pair), pod(&image), service()] {
            kubectl.apply(&manifest.to_string()).await?;
        }
        kubectl.wait("condition=Ready", "pod/s3", "120s").await?;
        Ok(Self { namespace: kubectl.current_namespace().to_owned() })
    }

    /// Its name within the cluster.
    pub fn host(kubectl: &Kubectl) -> String {
        format!("{NAME}.{}.svc", kubectl.current_namespace())
    }

    /// Its URL within the cluster.
    pub fn endpoint(&self) -> String {
        format!("https://{NAME}.{}.svc:{PORT}", self.namespace)
    }
}

fn tls(pair: Pair<'_>) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": TLS},
        "stringData": {"tls.crt": pair.certificate, "tls.key": pair.key},
    })
}

fn secret() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME},
        "stringData": {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY},
    })
}

fn pod(image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": {"app": NAME}},
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": NAME, "image": image,
                "args": [
                    "--region", REGION, "--port", format!(":{PORT}"), "--cert", "/tls/tls.crt", "--key", "/tls/tls.key",
                    "posix", "--sidecar", "/meta", "/data",
                ],
                "env": [
                    {"name": "ROOT_ACCESS_KEY", "value": ACCESS_KEY},
                    {"name": "ROOT_SECRET_KEY", "value": SECRET_KEY},
                ],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
                // A folder in its root is a bucket.
                "volumeMounts": [
                    {"name": "data", "mountPath": "/data"},
                    {"name": "bucket", "mountPath": format!("/data/{BUCKET}")},
                    {"name": "meta", "mountPath": "/meta"},
                    {"name": "tls", "mountPath": "/tls", "readOnly": true},
                ],
            }],
            "volumes": [
                {"name": "data", "emptyDir": {}},
                {"name": "bucket", "emptyDir": {}},
                {"name": "meta", "emptyDir": {}},
                {"name": "tls", "secret": {"secretName": TLS}},
            ],
        },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
        "spec": {"selector": {"app": NAME}, "ports": [{"name": "s3", "port": PORT}]},
    })
}
