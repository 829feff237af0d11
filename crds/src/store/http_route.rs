//! `spec.httpRoute`: a way in from outside the cluster, by the Gateway API.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Opaque;

/// An HTTPRoute (gateway.networking.k8s.io/v1), named like the store, that sends requests to its Service; in clusters
/// that know HTTPRoutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRoute {
    /// The Gateways that it hangs on, as in an HTTPRoute; from 1 to 32.
    #[schemars(length(min = 1, max = 32))]
    pub parent_refs: Vec<Opaque>,
    /// Hosts whose requests are for the store, as in `orders.example.com`; at most 16. Default: every host of the
    /// Gateway's listener.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub hostnames: Vec<String>,
    /// Annotations of the HTTPRoute, at most 64. Default none.
    #[serde(default)]
    #[schemars(schema_with = "crate::opaque::annotations")]
    pub annotations: BTreeMap<String, String>,
}
