//! Quantities of bytes as Kubernetes writes them: `64Mi`, `1Gi`, `1024`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::SettingsError;

/// A number of bytes, kept as it was written so that a spec reads back unchanged.
///
/// Accepts whole numbers with the binary suffixes `Ki Mi Gi Ti` or the decimal ones `k M G T`
/// (Kubernetes' `resource.Quantity` less its fractions and exponents). At most 2^53, so that every
/// JSON reader agrees on the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Quantity {
    text: String,
    bytes: u64,
}

const PATTERN: &str = "^[0-9]+(Ki|Mi|Gi|Ti|k|M|G|T)?$";
const MAX_LENGTH: usize = 20;
const MAX: u64 = 1 << 53;

impl Quantity {
    /// A whole number of KiB, for defaults.
    pub fn from_kibibytes(kibibytes: u32) -> Self {
        Self { text: format!("{kibibytes}Ki"), bytes: u64::from(kibibytes) << 10 }
    }

    /// A whole number of MiB, for defaults; written in Gi where that is exact.
    pub fn from_mebibytes(mebibytes: u32) -> Self {
        let text = match mebibytes {
            0 => "0".to_owned(),
            whole if whole % 1024 == 0 => format!("{}Gi", whole / 1024),
            some => format!("{some}Mi"),
        };
        Self { text, bytes: u64::from(mebibytes) << 20 }
    }

    /// The quantity in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The quantity in bytes as a length in memory, saturating where `usize` is smaller.
    pub fn as_len(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }
}

impl FromStr for Quantity {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let factor = match &text[digits..] {
            "" => Some(1),
            "Ki" => Some(1 << 10),
            "Mi" => Some(1 << 20),
            "Gi" => Some(1 << 30),
            "Ti" => Some(1 << 40),
            "k" => Some(1_000),
            "M" => Some(1_000_000),
            "G" => Some(1_000_000_000),
            "T" => Some(1_000_000_000_000_u64),
            _ => None,
        };
        factor
            .and_then(|factor| text[..digits].parse::<u64>().ok()?.checked_mul(factor))
            .filter(|bytes| *bytes <= MAX && text.len() <= MAX_LENGTH)
            .map(|bytes| Self { text: text.to_owned(), bytes })
            .ok_or_else(|| SettingsError::Quantity { text: text.to_owned() })
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.text
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `limits: {keyBytes: 1024}` is as natural as `valueBytes: 1Mi`, so both a number and a text are read.
impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;

        impl Visitor<'_> for NumberOrText {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity of bytes such as 1024 or \"64Mi\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(NumberOrText)
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    /// `x-kubernetes-int-or-string` is how the API server admits `1024` and `"1Mi"` alike; the pattern
    /// holds for the text form only.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": PATTERN,
            "maxLength": MAX_LENGTH,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_suffixes() {
        for (text, bytes) in
            [("0", 0), ("1024", 1024), ("64Mi", 64 << 20), ("1G", 1_000_000_000), ("1Ti", 1 << 40)]
        {
            assert_eq!(text.parse::<Quantity>().unwrap().bytes(), bytes, "{text}");
        }
        assert_eq!(serde_yaml::from_str::<Quantity>("1024").unwrap().bytes(), 1024);
        assert_eq!(serde_yaml::from_str::<Quantity>("1Mi").unwrap().bytes(), 1 << 20);
    }

    #[test]
    fn refuses_everything_else_with_the_way_out() {
        for text in ["", "Mi", "1.5Gi", "-1", "1MiB", "1 Mi", "99999999Ti", "1e3"] {
            let error = text.parse::<Quantity>().unwrap_err().to_string();
            assert!(error.contains("is not a quantity of bytes") && error.contains("64Mi"), "{error}");
        }
    }
}
