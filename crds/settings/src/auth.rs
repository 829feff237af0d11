//! `spec.auth`: who may read and write.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may read and write. Secure by default: without a bearer token a request gets 401.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AuthSettings {
    /// What a request without a token may do. Default None.
    pub anonymous: Anonymous,
    /// Secret in the store's namespace whose every value is a valid bearer token; several are valid at
    /// once, for rotation. Unset: the operator makes one in the Secret `<name>-token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_secret_ref: Option<SecretRef>,
}

/// What a request without a token may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Anonymous {
    /// Nothing: it gets 401.
    #[default]
    None,
    /// Read: GET and HEAD.
    Read,
    /// Read and write.
    ReadWrite,
}

/// A Secret in the store's own namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// Name of the Secret, from 1 to 253 characters.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
