//! `status`: what the operator observed. No timestamps and no fast-changing numbers, so that nothing is
//! written while nothing changes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator observed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyValueStoreStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Progressing, Degraded, CertificateReady, StorageReady, BackupReady, ReconciliationPaused and
    /// ConfigurationWarning; at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
    /// Number of pods that exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Number of pods that are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Label selector of the pods, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Kind of the log: `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// URL of the store inside the cluster, as in `https://orders.shop.svc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Version of the servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The certificate in use; unset without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateStatus>,
    /// The log volumes, by name; at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub volumes: Vec<VolumeStatus>,
    /// The copies that are made by themselves; unset where none are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<StoreBackupStatus>,
}

/// The copies that are made by themselves. It changes with each backup, and not between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StoreBackupStatus {
    /// When the schedule was first seen, as in `2026-11-21T10:00:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The scheduled time of the latest backup, as in `2026-11-22T02:00:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_schedule_time: Option<String>,
    /// The latest backup that is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_successful: Option<LastBackup>,
    /// The last gap of the copied log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_gap: Option<LogGap>,
}

/// A gap of a copied log: what the store compacted before it was copied. No revision within it can be restored by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogGap {
    /// The last revision before it. It ends at the backup that the copy went on from.
    pub behind: i64,
    /// When it was found, as in `2026-11-22T02:05:07Z`.
    pub found_at: String,
}

/// The latest backup that is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastBackup {
    /// Name of the KeyValueStoreBackup.
    pub name: String,
    /// The revision that it holds.
    pub revision: i64,
    /// When it was complete, as in `2026-11-22T02:00:07Z`.
    pub finished_at: String,
}

/// The certificate in use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateStatus {
    /// Secret that holds it.
    pub secret_name: String,
    /// ConfigMap whose `ca.crt` a client trusts; unset where a Secret of yours has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_config_map: Option<String>,
    /// When it ends, as in `2026-11-22T10:00:00Z`.
    pub not_after: String,
    /// How often it was issued, from 1; 0 for a Secret of yours.
    pub generation: i64,
}

/// One log volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeStatus {
    /// Name of the PersistentVolumeClaim.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Phase of the claim.
    pub phase: VolumePhase,
    /// Size that the claim asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub requested: Option<String>,
    /// Size that the volume has; unset until it is bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub actual: Option<String>,
    /// How far the volume is on its way from `actual` to `requested`; unset where it has that size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<VolumeResize>,
}

/// Phase of a PersistentVolumeClaim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VolumePhase {
    /// No volume yet.
    #[default]
    Pending,
    /// It has its volume.
    Bound,
    /// Its volume is gone, and the data on it.
    Lost,
    /// It is being deleted: it goes once no pod uses it, and the data on its volume with it, unless the PersistentVolume is
    /// retained.
    Terminating,
}

/// How far a volume is on its way to the size that its claim asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VolumeResize {
    /// The claim asks for it; nobody has begun.
    Requested,
    /// It is being resized.
    Resizing,
    /// The volume has the size; its file system gets it where a pod mounts it.
    FileSystemResizePending,
    /// A try failed; there will be more.
    Failing,
    /// The storage cannot give that size.
    Infeasible,
}
