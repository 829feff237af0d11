//! `spec.bootstrap`: what the store begins with.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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
    {"rule": "!has(self.backup) || has(self.destination)", "message": "backup needs destination: a name names one already"},
    {"rule": "!has(self.destination) || !has(self.destination.volume) || has(self.destination.volume.path)",
     "message": "destination needs the path or the prefix where the backup is"},
    {"rule": "!has(self.destination) || !has(self.destination.s3) || has(self.destination.s3.prefix)",
     "message": "destination needs the path or the prefix where the backup is"}
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
    /// A revision of the copied store, up to which its copied log is read besides, as in `1234`; or `latest`, as far as that
    /// goes. Default: the backup as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_revision: Option<AtRevision>,
}

/// How far a copied log is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AtRevision {
    /// Up to this revision, which counts from 1.
    Revision(i64),
    /// The same as text, or `latest`.
    Text(String),
}

impl std::fmt::Display for AtRevision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Revision(revision) => revision.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl JsonSchema for AtRevision {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AtRevision".into()
    }

    /// `x-kubernetes-int-or-string` is how the API server admits a number and a word; the pattern and the length hold for
    /// the word, the bounds for the number.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": "^([1-9][0-9]*|latest)$",
            "maxLength": 16,
            "minimum": 1,
        })
    }
}
