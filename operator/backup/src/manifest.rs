//! What is written of a backup, and of whose a destination is: small JSON objects, for people as well. Pure.

use jiff::Timestamp;
use kivi_store::StoreId;
use serde::{Deserialize, Serialize};

use crate::BackupName;

/// The version of the layout and of these objects. Another one is refused.
pub const FORMAT: u32 = 1;

/// What a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`FORMAT`]
    pub format: u32,
    /// Its name.
    pub name: BackupName,
    /// Who asked for it, where that was told: what is asked for again under its name by another is not it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The store that it is of.
    #[serde(with = "as_text")]
    pub store_id: StoreId,
    /// The revision whose state it holds.
    pub revision: u64,
    /// How many keys it holds.
    pub keys: u64,
    /// The object with the data, beside the manifest.
    pub snapshot: String,
    /// Of the data.
    pub bytes: u64,
    /// Of the data, in hexadecimal digits.
    pub sha256: String,
    /// The hash of the state, as the server told it.
    pub state_hash: String,
    /// The digest of the log's entry that made the revision; older versions wrote none, and a log that was compacted there has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_entry: Option<String>,
    /// When the snapshot was asked for.
    #[serde(with = "as_text")]
    pub started_at: Timestamp,
    /// When all of it had been read again and found whole.
    #[serde(with = "as_text")]
    pub finished_at: Timestamp,
}

/// Whose a destination is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// [`FORMAT`]
    pub format: u32,
    /// The store that writes there.
    #[serde(with = "as_text")]
    pub store_id: StoreId,
}

/// Why bytes are none of these objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A later version wrote it.
    #[error("it has format {found}, and this version knows {FORMAT}; use the version that wrote it")]
    Format {
        /// Its format.
        found: u32,
    },
    /// It is no such JSON.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// The present time, to the second: more is of no use to anybody who reads it.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// As bytes, readable for people.
pub fn write(value: &impl Serialize) -> Vec<u8> {
    // Strings and numbers always make JSON.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// From bytes, if their format is known.
///
/// # Errors
/// See [`Unreadable`].
pub fn read<T: for<'d> Deserialize<'d>>(bytes: &[u8]) -> Result<T, Unreadable> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let damaged = |error: serde_json::Error| Unreadable::Damaged(error.to_string());
    let Versioned { format } = serde_json::from_slice(bytes).map_err(damaged)?;
    if format != FORMAT {
        return Err(Unreadable::Format { found: format });
    }
    serde_json::from_slice(bytes).map_err(damaged)
}

/// What has a text, as that: a store id in its digits, a time as RFC 3339 has it.
pub(crate) mod as_text {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'d, T, D: Deserializer<'d>>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_later_format_is_named() {
        let claim = Claim { format: FORMAT, store_id: StoreId([7; 16]) };
        let bytes = write(&claim);
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "{\n  \"format\": 1,\n  \"storeId\": \"07070707070707070707070707070707\"\n}\n"
        );
        assert_eq!(read::<Claim>(&bytes), Ok(claim));
        let later = br#"{"format": 2, "storeId": {"new": "shape"}}"#;
        assert_eq!(read::<Claim>(later), Err(Unreadable::Format { found: 2 }));
        for damaged in [&b""[..], b"{}", br#"{"format": 1}"#, br#"{"format": 1, "storeId": "07"}"#] {
            assert!(matches!(read::<Claim>(damaged), Err(Unreadable::Damaged(_))), "{damaged:?}");
        }
    }
}
