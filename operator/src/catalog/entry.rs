//! The catalog as text, and the order of versions. Pure.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::error::CatalogError;

/// What a file says of one version.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) server: String,
    pub(super) sidecar: String,
    /// The releases until now write the first format.
    #[serde(default = "first_format")]
    pub(super) log_format: u32,
}

fn first_format() -> u32 {
    1
}

/// The entries of a file, in its order.
pub(super) fn read(text: &str) -> Result<Vec<(String, Entry)>, CatalogError> {
    // An empty document is YAML's null; people mean "nothing more" by it.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Vec::new());
    }
    let entries: Entries = serde_path_to_error::deserialize(serde_yaml::Deserializer::from_str(text))
        .map_err(|error| {
            let field = error.path().to_string();
            let message = error.into_inner().to_string();
            // The reader starts some messages with a part of the path, which is named already.
            let message = match message.split_once(": ") {
                Some((path, rest)) if field.starts_with(path) => rest.to_owned(),
                _ => message,
            };
            CatalogError::Parse { field, message }
        })?;
    Ok(entries.0)
}

/// A map that refuses a key that is there twice: of two images, which one would run?
struct Entries(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of versions, each with the images of `server` and `sidecar`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries: Vec<(String, Entry)> = Vec::new();
                while let Some((version, entry)) = map.next_entry::<String, Entry>()? {
                    if entries.iter().any(|(other, _)| *other == version) {
                        return Err(A::Error::custom(format!("{version}: it is there twice")));
                    }
                    entries.push((version, entry));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Map)
    }
}

/// A version by which releases are in order: its numbers, then its letters. It is the order of a sentence, so it does not
/// matter that Semantic Versioning puts candidates before their release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct VersionKey {
    numbers: Vec<u64>,
    rest: String,
}

impl VersionKey {
    /// A version that `spec.version` can be, and a label's value too; the rule is the CRD's.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (numbers, candidate) = match text.split_once('-') {
            Some((numbers, candidate)) => (numbers, Some(candidate)),
            None => (text, None),
        };
        let parts: Vec<&str> = numbers.split('.').collect();
        let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let named = candidate.is_none_or(|name| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
                && name.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric())
        });
        let legal = parts.len() == 3 && parts.iter().all(numeric) && named && text.len() <= 63;
        legal.then(|| Self::lenient(text))
    }

    /// The key of any text; equal texts alone have equal keys.
    pub(super) fn lenient(text: &str) -> Self {
        let numbers =
            text.split('-').next().unwrap_or_default().split('.').map_while(|part| part.parse().ok());
        Self { numbers: numbers.collect(), rest: text.to_owned() }
    }
}
