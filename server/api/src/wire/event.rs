//! What a watch sends: the data of its server-sent events.

use serde::{Deserialize, Serialize};

use super::{KeyText, ValueText};

/// A change of one key; what happened is the event's name: `put`, `delete` or `expire`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The revision that it made. Keys that were changed as one have the same.
    pub revision: u64,
    /// The key.
    pub key: KeyText,
    /// When it was written, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
    /// The key's revision before; `null` when it was absent.
    pub previous_revision: Option<u64>,
    /// From when on the key is gone, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Its media type, where its writer named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The new value, unless only keys were asked for or the key is gone.
    #[serde(flatten)]
    pub value: ValueText,
}

/// Everything up to this revision was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bookmark {
    /// The revision; also the event's id.
    pub revision: u64,
}
