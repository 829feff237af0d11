//! `spec.bootstrap`: what the store begins with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Destination;

/// What the store begins with. It is read while the volume is empty, and cannot change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bootstrap {
    /// The backup that the store begins with.
    pub from_backup: FromBackup,
}

/// A backup, by the resource that made it or by its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.name) != has(self.destination)", "message": "name exactly one of name, destination"},
    {"rule": "!has(self.backup) || has(self.destination)", "message": "backup needs destination: a name names one already"}
]))]
pub struct FromBackup {
    /// KeyValueStoreBackup in the same namespace, at most 63 characters; the store waits until it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub name: Option<String>,
    /// Where the backup is: exactly one of `volume`, `s3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// Name of the backup in the destination, at most 63 characters, or `latest`. Default latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub backup: Option<String>,
    /// The revision up to which the copied log is added, from 1 to 9007199254740991; it needs a copy of the log that
    /// reaches so far. Default: the backup's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    pub at_revision: Option<i64>,
}
