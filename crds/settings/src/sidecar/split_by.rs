//! What separates the entries of one key in the cache, as one word: `Token`, `Client`, `Header=X-Account`.
//!
//! One string, because a structural schema has no list of either a word or an object.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::SettingsError;

/// The longest name of a field, in bytes.
const LONGEST_NAME: usize = 64;

const HEADER: &str = "Header=";

/// A name is a token (RFC 9110, 5.6.2).
const PATTERN: &str = "^(Token|Client|Header=[-!#$%&'*+.^_`|~0-9A-Za-z]{1,64})$";

/// What separates the entries of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SplitBy {
    /// The bearer token of the request.
    Token,
    /// The address of the client.
    Client,
    /// The field of this name, all of its lines. Kept as it was written; fields have no case.
    Header(String),
}

impl FromStr for SplitBy {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "Token" => Ok(Self::Token),
            "Client" => Ok(Self::Client),
            _ => text
                .strip_prefix(HEADER)
                .filter(|name| (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_of_token))
                .map(|name| Self::Header(name.to_owned()))
                .ok_or_else(|| SettingsError::SplitBy { text: text.to_owned() }),
        }
    }
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-!#$%&'*+.^_`|~".contains(&byte)
}

impl TryFrom<String> for SplitBy {
    type Error = SettingsError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SplitBy> for String {
    fn from(split_by: SplitBy) -> Self {
        split_by.to_string()
    }
}

impl fmt::Display for SplitBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("Token"),
            Self::Client => f.write_str("Client"),
            Self::Header(name) => write!(f, "{HEADER}{name}"),
        }
    }
}

impl JsonSchema for SplitBy {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SplitBy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": PATTERN,
            "maxLength": HEADER.len() + LONGEST_NAME,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reads_back_as_it_was_written() {
        let text = "[Token, Client, Header=X-Account]";
        let split_by: Vec<SplitBy> = serde_yaml::from_str(text).unwrap();
        assert_eq!(split_by, [SplitBy::Token, SplitBy::Client, SplitBy::Header("X-Account".to_owned())]);
        let again = serde_yaml::to_string(&split_by).unwrap();
        assert_eq!(again, "- Token\n- Client\n- Header=X-Account\n");
    }

    #[test]
    fn what_is_no_name_of_a_field_is_refused_with_the_way_out() {
        let long = format!("Header={}", "x".repeat(LONGEST_NAME + 1));
        for text in ["token", "", "Header", "Header=", "Header=a b", "Header=a:b", "Header=\u{e4}", &long] {
            let error = text.parse::<SplitBy>().unwrap_err().to_string();
            assert!(error.contains("write Token, Client or Header=NAME"), "{text}: {error}");
        }
    }
}
