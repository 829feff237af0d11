//! `spec.service`: the Service that clients use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Service that clients use, named like the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.type != 'ClusterIP' || (!has(self.nodePort) && !has(self.externalTrafficPolicy))",
     "message": "nodePort and externalTrafficPolicy need type NodePort or LoadBalancer"},
    {"rule": "self.type == 'LoadBalancer' || (!has(self.loadBalancerClass) && self.loadBalancerSourceRanges.size() == 0)",
     "message": "loadBalancerClass and loadBalancerSourceRanges need type LoadBalancer"},
    {"rule": "self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || (has(self.loadBalancerClass) ? self.loadBalancerClass : '') == (has(oldSelf.loadBalancerClass) ? oldSelf.loadBalancerClass : '')",
     "message": "loadBalancerClass cannot change while type is LoadBalancer"}
]))]
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
    /// More labels of the Service, at most 64; the operator's own win. Default none.
    #[schemars(schema_with = "crate::opaque::labels")]
    pub labels: BTreeMap<String, String>,
    /// Port on each node, from 1 to 65535; the cluster allows a range of its own. Needs type NodePort or LoadBalancer.
    /// Default: the cluster chooses one, and it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub node_port: Option<i32>,
    /// Whether nodes pass requests on to other nodes. Needs type NodePort or LoadBalancer. Default: the cluster's, Cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Which kind of load balancer, at most 253 characters. Needs type LoadBalancer; cannot change. Default: the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub load_balancer_class: Option<String>,
    /// Networks whose clients the load balancer lets in, as in `10.0.0.0/8`; at most 64. Needs type LoadBalancer. Default: all.
    #[schemars(length(max = 64), inner(length(max = 43), regex(pattern = r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")))]
    pub load_balancer_source_ranges: Vec<String>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            type_: ServiceType::default(),
            port: 443,
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            node_port: None,
            external_traffic_policy: None,
            load_balancer_class: None,
            load_balancer_source_ranges: Vec::new(),
        }
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

/// Whether nodes pass requests on to other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExternalTrafficPolicy {
    /// They do: any node will do, and the server sees the node's address as its client's.
    Cluster,
    /// They do not: only a node that runs a server will do, and the server sees its client's address.
    Local,
}

impl ExternalTrafficPolicy {
    /// The word that a Service uses for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Local => "Local",
        }
    }
}
