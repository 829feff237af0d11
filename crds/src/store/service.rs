//! `spec.service`: the Service that clients use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Service that clients use, named like the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Service {
    /// Who reaches it. Default ClusterIP.
    #[serde(rename = "type")]
    pub type_: ServiceType,
    /// Its TCP port, from 1 to 65535. Default 443.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Annotations of the Service, at most 64. Default none.
    #[schemars(schema_with = "crate::opaque::annotations")]
    pub annotations: BTreeMap<String, String>,
}

impl Default for Service {
    fn default() -> Self {
        Self { type_: ServiceType::default(), port: 443, annotations: BTreeMap::new() }
    }
}

/// Who reaches a Service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// Pods of the cluster.
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// Who reaches a node, at a port that the cluster chooses.
    NodePort,
    /// Who reaches a load balancer of the cluster's provider.
    LoadBalancer,
}

impl ServiceType {
    /// The word that a Service uses for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}
