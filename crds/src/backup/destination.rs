//! Where backups are: a volume or a bucket.
//!
//! No member of this union has a default in the schema, as in `spec.tls`: what the API server fills in
//! would stay beside a member that the user changes to.

use kivi_settings::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where backups are: exactly one of its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.volume) != has(self.s3)", "message": "name exactly one of volume, s3"}
]))]
pub struct Destination {
    /// A folder on a volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeDestination>,
    /// A prefix of a bucket that speaks S3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Destination>,
}

impl Destination {
    /// The same place, with the folder written out where the spec leaves it to the store: `NAMESPACE/STORE/UID`. A folder
    /// belongs to one store, and a store that is made again under the same name is another.
    #[must_use]
    pub fn resolved(&self, namespace: &str, store: &str, uid: &str) -> Self {
        let own = || Some(format!("{namespace}/{store}/{uid}"));
        let mut resolved = self.clone();
        if let Some(volume) = &mut resolved.volume {
            volume.path = volume.path.take().or_else(own);
        }
        if let Some(s3) = &mut resolved.s3 {
            s3.prefix = s3.prefix.take().or_else(own);
        }
        resolved
    }

    /// The Secret with the authorities of a bucket's server, where one is named.
    pub fn ca_secret_ref(&self) -> Option<&CaSecretRef> {
        self.s3.as_ref()?.ca_secret_ref.as_ref()
    }
}

/// A folder on a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeDestination {
    /// PersistentVolumeClaim in the same namespace, from 1 to 253 characters.
    #[schemars(length(min = 1, max = 253))]
    pub claim_name: String,
    /// Folder below the volume's root, at most 253 characters; no part of it begins with a dot. It holds the
    /// backups of one store. Default: NAMESPACE/NAME/UID of the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$")
    )]
    pub path: Option<String>,
}

/// A prefix of a bucket that speaks S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.endpoint) || !self.endpoint.startsWith('http://') || (has(self.allowHttp) && self.allowHttp)",
     "message": "an endpoint of http:// needs allowHttp: true, as the data then travels in the clear"}
]))]
pub struct S3Destination {
    /// Name of the bucket, from 3 to 63 characters. It must exist.
    #[schemars(length(min = 3, max = 63), regex(pattern = r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$"))]
    pub bucket: String,
    /// What the objects' names begin with, at most 253 characters; no part of it begins with a dot. It
    /// belongs to the backups of one store. Default: NAMESPACE/NAME/UID of the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$")
    )]
    pub prefix: Option<String>,
    /// URL of the service, at most 253 characters, as in `https://minio.storage.svc:9000`. Default: Amazon's, of the region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 8, max = 253), regex(pattern = r"^https?://[^\s/?#]+(/[^\s?#]*)?$"))]
    pub endpoint: Option<String>,
    /// Region of the bucket, at most 64 characters. Default us-east-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z0-9-]+$"))]
    pub region: Option<String>,
    /// Secret in the same namespace with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and `AWS_SESSION_TOKEN` where
    /// there is one. Unset: what the node may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
    /// Secret in the same namespace with the authorities, as PEM, that vouch for the endpoint's certificate, as of a server
    /// within the company. They are trusted besides the public ones. Unset: the public ones alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<CaSecretRef>,
    /// Whether the endpoint may be spoken to without TLS. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_http: Option<bool>,
}

/// The authorities in a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaSecretRef {
    /// Name of the Secret, from 1 to 253 characters.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Which of its values, from 1 to 253 characters. Default ca.crt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[A-Za-z0-9._-]+$"))]
    pub key: Option<String>,
}

impl CaSecretRef {
    /// Which of the Secret's values.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or("ca.crt")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_a_folder_of_its_own_unless_the_user_names_one() {
        let place = |yaml: &str| {
            let destination: Destination = serde_yaml::from_str(yaml).unwrap();
            let resolved = destination.resolved("shop", "orders", "u");
            resolved.volume.and_then(|v| v.path).or_else(|| resolved.s3.and_then(|s3| s3.prefix)).unwrap()
        };
        assert_eq!(place("{volume: {claimName: backups}}"), "shop/orders/u");
        assert_eq!(place("{volume: {claimName: backups, path: here}}"), "here");
        assert_eq!(place("{s3: {bucket: backups}}"), "shop/orders/u");
        assert_eq!(place("{s3: {bucket: backups, prefix: a/b}}"), "a/b");
    }
}
