//! `spec.retention`: what becomes of the volumes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of the volumes when the store or a server goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retention {
    /// The volumes of a store that is deleted; a store of the same name adopts kept ones. Default Retain.
    pub when_deleted: RetentionPolicy,
    /// The volume of a server that is scaled away. Default Retain.
    pub when_scaled: RetentionPolicy,
}

/// What becomes of a volume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RetentionPolicy {
    /// It is kept.
    #[default]
    Retain,
    /// It is deleted, with the data on it.
    Delete,
}

impl RetentionPolicy {
    /// The word that a StatefulSet uses for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retain => "Retain",
            Self::Delete => "Delete",
        }
    }
}
