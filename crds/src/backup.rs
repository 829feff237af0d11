//! `KeyValueStoreBackup`, kivi.dev/v1alpha1: one copy of a store, made once.

mod destination;
mod status;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use destination::{CaSecretRef, Destination, S3Destination, VolumeDestination};
pub use status::KeyValueStoreBackupStatus;

/// What is to be copied, and where to. It cannot change.
#[derive(Debug, Clone, PartialEq, Eq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kivi.dev",
    version = "v1alpha1",
    kind = "KeyValueStoreBackup",
    plural = "keyvaluestorebackups",
    shortname = "kvsb",
    category = "kivi",
    namespaced,
    status = "KeyValueStoreBackupStatus",
    derive = "PartialEq",
    doc = "One consistent copy of a key-value store at one revision, on a volume or in an S3-compatible bucket.",
    validation = Rule::new("self.metadata.name.size() <= 63")
        .message("metadata.name must have at most 63 characters, so that it can be its Job's"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must hold only lower-case letters, digits and '-': it becomes a Job's name"),
    printcolumn(
        name = "STORE",
        type_ = "string",
        json_path = ".spec.storeRef.name",
        description = "The store that is copied."
    ),
    printcolumn(
        name = "COMPLETE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Complete\")].status",
        description = "Whether the copy is there."
    ),
    printcolumn(
        name = "REVISION",
        type_ = "integer",
        json_path = ".status.revision",
        description = "The revision that it holds."
    ),
    printcolumn(
        name = "KEYS",
        type_ = "integer",
        json_path = ".status.keys",
        description = "The keys that it holds."
    ),
    printcolumn(
        name = "BYTES",
        type_ = "integer",
        json_path = ".status.bytes",
        description = "Its size in bytes."
    ),
    printcolumn(
        name = "LOCATION",
        type_ = "string",
        json_path = ".status.location",
        description = "Where it is.",
        priority = 1
    ),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Complete\")].message",
        description = "Why it is complete, or is not.",
        priority = 1
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self == oldSelf", "message": "spec cannot change: a backup is made once; make another"}
]))]
pub struct KeyValueStoreBackupSpec {
    /// The store that is copied.
    pub store_ref: StoreRef,
    /// Where to: exactly one of `volume`, `s3`. Unset: the store's `spec.backup.destination`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
}

/// A store in the backup's own namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreRef {
    /// Name of the KeyValueStore, from 1 to 40 characters.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
}
