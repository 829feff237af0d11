//! `spec.networkPolicy`: who may open connections to the pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Opaque;

/// Who may open connections to the pods, in clusters whose network enforces NetworkPolicies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NetworkPolicy {
    /// Whether a NetworkPolicy is made. Default false: whoever reaches the pods' network reaches their ports.
    pub enabled: bool,
    /// Who reaches the clients' port, as peers in a NetworkPolicy; at most 32. Default: the pods of the store's
    /// namespace.
    #[schemars(length(max = 32))]
    pub from: Vec<Opaque>,
    /// Who reaches the health ports with their metrics, as peers in a NetworkPolicy; at most 32. The operator and
    /// the node's own kubelet always do. Default: nobody else.
    #[schemars(length(max = 32))]
    pub monitoring_from: Vec<Opaque>,
}
