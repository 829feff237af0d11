//! `status` of a backup: where it stands, and once it is made, what it is. Nothing of it changes afterwards.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Destination;

/// What became of the backup.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyValueStoreBackupStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Complete and Failed; at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
    /// Where it was made, with every field that a default stood for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// URL of the copy inside its destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The revision of the store that it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Number of keys that it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<i64>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// SHA-256 of its bytes, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Hash of what it holds: that of a store with the same keys and values at the same revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_hash: Option<String>,
    /// Identity of the store's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_id: Option<String>,
    /// When the copying began, as in `2026-11-22T10:00:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it was complete, as in `2026-11-22T10:00:07Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
}
