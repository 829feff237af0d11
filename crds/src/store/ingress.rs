//! `spec.ingress`: a way in from outside the cluster, by an Ingress.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An Ingress, named like the store, that sends a host's requests to its Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ingress {
    /// Host whose requests are for the store, as in `orders.example.com`; at most 253 characters.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub host: String,
    /// IngressClass, at most 253 characters. Default: the cluster's default class.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
    /// Secret of type kubernetes.io/tls with the certificate of `host`, at most 253 characters; the controller
    /// serves it. Default: the controller's own certificate, or none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(length(min = 1, max = 253))]
    pub tls_secret_name: Option<String>,
    /// Annotations of the Ingress, at most 64; with TLS in the store, the one by which your controller speaks HTTPS
    /// to it is among them. Default none.
    #[serde(default)]
    #[schemars(schema_with = "crate::opaque::annotations")]
    pub annotations: BTreeMap<String, String>,
}
