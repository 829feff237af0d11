//! Keys in JSON: text that reads as the key does, as far as the key is text.

use std::borrow::Cow;
use std::fmt::Write;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A key in JSON. `%`, control characters, and bytes that are no UTF-8 are written as `%` and two hexadecimal digits;
/// everything else stands for itself. Percent-decoded once, the text is the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct KeyText(pub Vec<u8>);

impl KeyText {
    /// The text of a key.
    pub fn encode(key: &[u8]) -> Cow<'_, str> {
        match str::from_utf8(key) {
            Ok(text) if !text.chars().any(is_encoded) => Cow::Borrowed(text),
            _ => Cow::Owned(encode(key)),
        }
    }
}

fn is_encoded(character: char) -> bool {
    character == '%' || character.is_control()
}

fn encode(key: &[u8]) -> String {
    let mut text = String::with_capacity(key.len() + 16);
    for chunk in key.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_encoded(character) {
                let mut bytes = [0; 4];
                hex(&mut text, character.encode_utf8(&mut bytes).as_bytes());
            } else {
                text.push(character);
            }
        }
        hex(&mut text, chunk.invalid());
    }
    text
}

fn hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // A string takes whatever it is given.
        let _ = write!(text, "%{byte:02X}");
    }
}

impl Serialize for KeyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Self::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let malformed = text.match_indices('%').any(|(at, _)| {
            let digits = text.as_bytes().get(at + 1..at + 3);
            !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
        if malformed {
            return Err(serde::de::Error::custom(
                "a `%` in a key is followed by two hexadecimal digits; write a literal `%` as `%25`",
            ));
        }
        Ok(Self(percent_decode_str(&text).collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::KeyText;

    #[test]
    fn text_reads_as_it_is_and_the_rest_is_encoded() {
        for (key, text) in [
            (&b"users/1"[..], "users/1"),
            ("grüße".as_bytes(), "grüße"),
            (b"100%", "100%25"),
            (b"a\0\nb", "a%00%0Ab"),
            (b"\xffa\xc3", "%FFa%C3"),
        ] {
            assert_eq!(KeyText::encode(key), text);
        }
        assert!(serde_json::from_str::<KeyText>("\"50%\"").is_err());
    }

    proptest! {
        #[test]
        fn any_key_survives_json(key in prop::collection::vec(any::<u8>(), 0..200)) {
            let json = serde_json::to_string(&KeyText(key.clone())).unwrap();
            prop_assert_eq!(serde_json::from_str::<KeyText>(&json).unwrap().0, key);
        }
    }
}
