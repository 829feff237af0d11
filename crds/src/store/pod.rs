//! `spec.pod`: what the pods look like to the scheduler and to others.

use std::collections::BTreeMap;

use kivi_settings::Resources;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Opaque;

/// What the pods look like to the scheduler and to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Pod {
    /// Compute resources of the server's container; none by default. A memory limit below 1.375 x `limits.memory` + 128Mi
    /// is taken, and the ConfigurationWarning condition tells of it.
    pub resources: Resources,
    /// Labels of the nodes that may run a pod, at most 64. Default: any node.
    #[schemars(schema_with = "crate::opaque::labels")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods tolerate, as in a Pod; at most 32. Default none.
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Opaque>,
    /// Rules on nodes and neighbours, as in a Pod. Default none; with several servers, other nodes than those of the
    /// store's other servers, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Opaque>,
    /// How pods spread over zones and nodes, as in a Pod; at most 16. Default none; with several
    /// servers, evenly, as far as the cluster can.
    #[schemars(length(max = 16))]
    pub topology_spread_constraints: Vec<Opaque>,
    /// The pods' identity. Default: a ServiceAccount named like the store, without rights.
    pub service_account: ServiceAccount,
    /// What is laid over the pod template, as `{spec: {...}}` of a Pod: fields that are not named here, more containers and
    /// volumes, and variables and probes of the containers `server` and `sidecar`. Lists of named things merge by name. What
    /// makes the pod a store's, and the restricted security profile, stay. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Opaque>,
    /// PriorityClass of the pods, at most 253 characters. Default: the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
    /// More labels of the pods, at most 64; the operator's own win. Default none.
    #[schemars(schema_with = "crate::opaque::labels")]
    pub labels: BTreeMap<String, String>,
    /// More annotations of the pods, at most 64; the operator's own win. Default none.
    #[schemars(schema_with = "crate::opaque::annotations")]
    pub annotations: BTreeMap<String, String>,
}

/// The pods' identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.name) || self.annotations.size() == 0",
     "message": "annotations are those of the ServiceAccount that the operator makes: with name, write them on your own"}
]))]
pub struct ServiceAccount {
    /// A ServiceAccount in the store's namespace, kept by someone else; at most 253 characters. Default: the operator makes
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Annotations of the ServiceAccount that the operator makes, at most 64, as for a cloud's workload identity. Default
    /// none.
    #[schemars(schema_with = "crate::opaque::annotations")]
    pub annotations: BTreeMap<String, String>,
}
