//! The name of a backup: part of the names of its objects, and of a folder.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest name.
const LONGEST: usize = 100;

/// The name of a backup: 1 to 100 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupName(String);

/// A text is not the name of a backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name of a backup; use 1 to 100 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends"
)]
pub struct NoBackupName(String);

impl BackupName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BackupName {
    type Err = NoBackupName;

    fn from_str(text: &str) -> Result<Self, NoBackupName> {
        let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let ends = [bytes.first(), bytes.last()].iter().all(|end| end.is_some_and(alphanumeric));
        let known = bytes.iter().all(|byte| alphanumeric(byte) || matches!(byte, b'-' | b'.'));
        if ends && known && bytes.len() <= LONGEST {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoBackupName(text.chars().take(LONGEST).collect()))
        }
    }
}

impl TryFrom<String> for BackupName {
    type Error = NoBackupName;

    fn try_from(text: String) -> Result<Self, NoBackupName> {
        text.parse()
    }
}

impl From<BackupName> for String {
    fn from(name: BackupName) -> Self {
        name.0
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_objects_and_folders_can_have() {
        for name in ["a", "orders-20261127-091500", "v1.2"] {
            assert_eq!(name.parse::<BackupName>().unwrap().as_str(), name);
        }
        let long = "x".repeat(101);
        for name in ["", "-a", "a.", "..", "a/b", "A", "a b", "a%", "ä", &long] {
            let refused = name.parse::<BackupName>().unwrap_err().to_string();
            assert!(refused.contains("is no name of a backup"), "{refused}");
        }
    }
}
