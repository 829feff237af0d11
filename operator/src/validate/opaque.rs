//! Parses the parts of a spec that the CRD carries without their schema.
//!
//! A field that Kubernetes does not know is refused: dropped without a word, a misspelt selector would select
//! everything.

use kivi_crds::Opaque;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::ValidationError;

/// Parses each of the objects of a list.
pub(super) fn each<T: DeserializeOwned + Serialize>(
    field: &str,
    opaques: &[Opaque],
) -> Result<Vec<T>, ValidationError> {
    opaques.iter().enumerate().map(|(index, opaque)| parse(&format!("{field}[{index}]"), opaque)).collect()
}

/// Parses an object.
pub(super) fn parse<T: DeserializeOwned + Serialize>(
    field: &str,
    opaque: &Opaque,
) -> Result<T, ValidationError> {
    let written = Value::Object(opaque.0.clone());
    let parsed: T = serde_path_to_error::deserialize(&written).map_err(|error| {
        let path = error.path().to_string();
        ValidationError::Field {
            field: if path == "." { field.to_owned() } else { format!("{field}.{path}") },
            reason: error.into_inner().to_string(),
        }
    })?;
    let read = serde_json::to_value(&parsed).unwrap_or_default();
    match lost(field, &written, &read) {
        Some(unknown) => Err(ValidationError::Field {
            field: unknown,
            reason: "Kubernetes knows no such field".to_owned(),
        }),
        None => Ok(parsed),
    }
}

/// The first field that was written and not read.
fn lost(path: &str, written: &Value, read: &Value) -> Option<String> {
    match (written, read) {
        (Value::Object(written), read) => {
            written.iter().filter(|(_, value)| !value.is_null()).find_map(|(name, value)| {
                let path = format!("{path}.{name}");
                match read.get(name) {
                    Some(read) => lost(&path, value, read),
                    None => Some(path),
                }
            })
        }
        (Value::Array(written), Value::Array(read)) => written
            .iter()
            .zip(read)
            .enumerate()
            .find_map(|(index, (written, read))| lost(&format!("{path}[{index}]"), written, read)),
        _ => None,
    }
}
