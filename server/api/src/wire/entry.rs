//! A key in a list.

use serde::{Deserialize, Serialize};

use super::{KeyText, ValueText};

/// A present key, in a list or at the start of a watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The key.
    pub key: KeyText,
    /// The revision of its value.
    pub revision: u64,
    /// When that was written, in milliseconds since the Unix epoch.
    pub modified_ms: u64,
    /// From when on it is gone, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Its media type, where its writer named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Its value, unless only keys were asked for.
    #[serde(flatten)]
    pub value: ValueText,
}

/// A list as one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List {
    /// The revision that the list shows.
    pub revision: u64,
    /// The keys, in order.
    pub entries: Vec<Entry>,
    /// What to ask for the next page with; `null` when there is none.
    pub cursor: Option<String>,
}

/// What a list ends with; in `application/x-ndjson`, its last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListEnd {
    /// The revision that the list shows.
    pub revision: u64,
    /// What to ask for the next page with; `null` when there is none.
    pub cursor: Option<String>,
}
