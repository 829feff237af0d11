//! Ratios as decimal strings: API objects hold no floats (Kubernetes API conventions).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::SettingsError;

/// A ratio from 0 to 1, kept as it was written. Never NaN, so equality is total.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ratio {
    text: String,
    value: f64,
}

impl Eq for Ratio {}

const PATTERN: &str = r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$";

impl Ratio {
    /// All of it.
    pub fn one() -> Self {
        Self { text: "1".to_owned(), value: 1.0 }
    }

    /// The ratio as a number in `0.0..=1.0`.
    pub fn get(&self) -> f64 {
        self.value
    }
}

impl FromStr for Ratio {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed = match text.split_once('.') {
            None => matches!(text, "0" | "1"),
            Some((whole, digits)) => {
                (1..=9).contains(&digits.len())
                    && digits.bytes().all(|b| b.is_ascii_digit())
                    && (whole == "0" || (whole == "1" && digits.bytes().all(|b| b == b'0')))
            }
        };
        text.parse::<f64>()
            .ok()
            .filter(|_| well_formed)
            .map(|value| Self { text: text.to_owned(), value })
            .ok_or_else(|| SettingsError::Ratio { text: text.to_owned() })
    }
}

impl TryFrom<String> for Ratio {
    type Error = SettingsError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Ratio> for String {
    fn from(ratio: Ratio) -> Self {
        ratio.text
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for Ratio {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Ratio".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": PATTERN, "maxLength": 11})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_zero_to_one() {
        for (text, value) in [("0", 0.0), ("1", 1.0), ("0.25", 0.25), ("1.0", 1.0)] {
            assert!((text.parse::<Ratio>().unwrap().get() - value).abs() < f64::EPSILON, "{text}");
        }
        for text in ["", "2", "1.1", "-0.5", ".5", "0.", "NaN", "inf", "1e-3"] {
            assert!(text.parse::<Ratio>().is_err(), "{text}");
        }
    }
}
