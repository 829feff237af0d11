//! Transactions: conditions and operations, all or nothing.

use serde::{Deserialize, Serialize};

use super::object::objects;
use super::{KeyText, ValueText};

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, remote = "Transaction")]
pub struct Transaction {
    /// What must hold, all at once.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// What then happens, as one; each key at most once.
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// What must hold of one key: exactly one of the members besides `key`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = crate::openapi::one_of(&["exists", "revisionIn", "revisionNotIn"]))))]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Condition")]
pub struct Condition {
    /// The key.
    pub key: KeyText,
    /// Whether it is present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// It is present, at one of these revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_in: Option<Vec<u64>>,
    /// It is absent, or present at none of these revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_not_in: Option<Vec<u64>>,
}

/// What happens to one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Operation {
    /// It gets a value.
    Put(Put),
    /// It is removed.
    Delete(Delete),
}

/// A value to write: `value` or `valueBase64`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = crate::openapi::one_of(&["value", "valueBase64"]))))]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Put")]
pub struct Put {
    /// The key.
    pub key: KeyText,
    /// The value, where it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Any value, in padded Base64 of the standard alphabet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = crate::openapi::pattern::BASE64)))]
    pub value_base64: Option<String>,
    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = crate::openapi::pattern::MEDIA_TYPE)))]
    pub media_type: Option<String>,
    /// How long it is to live: whole seconds, or with units as in `1m30s` or `250ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = crate::openapi::pattern::TTL)))]
    pub ttl: Option<String>,
}

/// A key to remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, remote = "Delete")]
pub struct Delete {
    /// The key.
    pub key: KeyText,
}

objects!(Transaction, Condition, Put, Delete);

impl Condition {
    /// The key is absent.
    pub fn absent(key: impl Into<Vec<u8>>) -> Self {
        Self { exists: Some(false), ..Self::of(key) }
    }

    /// The key is present.
    pub fn exists(key: impl Into<Vec<u8>>) -> Self {
        Self { exists: Some(true), ..Self::of(key) }
    }

    /// The key is present at this revision.
    pub fn revision(key: impl Into<Vec<u8>>, revision: u64) -> Self {
        Self { revision_in: Some(vec![revision]), ..Self::of(key) }
    }

    fn of(key: impl Into<Vec<u8>>) -> Self {
        Self { key: KeyText(key.into()), ..Self::default() }
    }
}

impl Operation {
    /// The key gets a value.
    pub fn put(key: impl Into<Vec<u8>>, value: &[u8]) -> Self {
        Self::Put(Put::new(key, value))
    }

    /// The key is removed.
    pub fn delete(key: impl Into<Vec<u8>>) -> Self {
        Self::Delete(Delete { key: KeyText(key.into()) })
    }
}

impl Put {
    /// A value of any bytes, without a media type, until it is deleted.
    pub fn new(key: impl Into<Vec<u8>>, value: &[u8]) -> Self {
        let ValueText { value, value_base64 } = ValueText::of(value);
        Self { key: KeyText(key.into()), value, value_base64, ..Self::default() }
    }

    /// How its value is written.
    pub fn value_text(&self) -> ValueText {
        ValueText { value: self.value.clone(), value_base64: self.value_base64.clone() }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransactionOutcome {
    /// The revision of every key that was written.
    pub revision: u64,
    /// Of each operation, in order.
    pub results: Vec<Outcome>,
}

/// What an operation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Of a put: whether the key was absent before.
    Created(bool),
    /// Of a delete: whether the key was present before.
    Deleted(bool),
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FailedCondition {
    /// Which one, counted from 0.
    pub index: usize,
    /// Its key.
    pub key: KeyText,
    /// The key's revision; `null` when it is absent.
    pub current_revision: Option<u64>,
}
