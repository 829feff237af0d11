//! Values in JSON: text where they are text, Base64 where they are not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A value in JSON, as one of two members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ValueText {
    /// The value, where it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Any value, in padded Base64 of the standard alphabet (RFC 4648 section 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_base64: Option<String>,
}

/// Members that are no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ValueError {
    /// Neither is there, or both are.
    #[error("a value is written as either `value` or `valueBase64`")]
    NotOne,
    /// It is no Base64.
    #[error("`valueBase64` is not padded Base64 of the standard alphabet")]
    Base64,
}

impl ValueText {
    /// How a value is written.
    pub fn of(value: &[u8]) -> Self {
        match str::from_utf8(value) {
            Ok(text) => Self { value: Some(text.to_owned()), value_base64: None },
            Err(_) => Self { value: None, value_base64: Some(STANDARD.encode(value)) },
        }
    }

    /// The value that is written.
    ///
    /// # Errors
    /// When it is none, or two.
    pub fn decode(self) -> Result<Bytes, ValueError> {
        match (self.value, self.value_base64) {
            (Some(text), None) => Ok(Bytes::from(text)),
            (None, Some(base64)) => STANDARD.decode(base64).map(Bytes::from).map_err(|_| ValueError::Base64),
            _ => Err(ValueError::NotOne),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ValueError, ValueText};

    proptest! {
        #[test]
        fn any_value_survives_json(value in prop::collection::vec(any::<u8>(), 0..300)) {
            let json = serde_json::to_string(&ValueText::of(&value)).unwrap();
            let read: ValueText = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&read.decode().unwrap()[..], &value[..]);
        }
    }

    #[test]
    fn it_is_one_of_the_two_members() {
        let read = |json| serde_json::from_str::<ValueText>(json).unwrap().decode();
        assert_eq!(read("{}"), Err(ValueError::NotOne));
        assert_eq!(read(r#"{"value": "a", "valueBase64": "YQ=="}"#), Err(ValueError::NotOne));
        assert_eq!(read(r#"{"valueBase64": "Y"}"#), Err(ValueError::Base64));
    }
}
