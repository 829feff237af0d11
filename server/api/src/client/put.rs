//! What a write says besides its key and value.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use super::{ClientError, Precondition};
use crate::headers::{IDEMPOTENCY_KEY, KIVI_TTL};

/// Options of [`Client::put_with`](super::Client::put_with).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// The value's media type; without one it is `application/octet-stream`.
    pub media_type: Option<HeaderValue>,
    /// What must hold for the write to be made.
    pub precondition: Precondition,
    /// How long the key is to live, rounded up to milliseconds: from 1 ms to 10 years. Without it, until it is deleted.
    pub ttl: Option<Duration>,
    /// A name for this write, of 1 to 255 visible ASCII characters and spaces. Tried again under the same name, it is
    /// done once and answered the same; so a write whose answer was lost can be repeated without a second thought.
    pub idempotency_key: Option<String>,
}

impl PutOptions {
    pub(super) fn headers(&self) -> Result<HeaderMap, ClientError> {
        let mut headers = HeaderMap::new();
        self.precondition.write(&mut headers);
        if let Some(media_type) = &self.media_type {
            headers.insert(CONTENT_TYPE, media_type.clone());
        }
        if let Some(ttl) = self.ttl.and_then(milliseconds) {
            headers.insert(KIVI_TTL, ttl);
        }
        if let Some(name) = &self.idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, idempotency_key(name)?);
        }
        Ok(headers)
    }
}

/// Digits and a unit always make a field's value.
fn milliseconds(ttl: Duration) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{}ms", ttl.as_nanos().div_ceil(1_000_000))).ok()
}

/// A name as a string of structured fields (RFC 9651 section 3.3.3).
pub(super) fn idempotency_key(name: &str) -> Result<HeaderValue, ClientError> {
    let known = name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !known || !(1..=255).contains(&name.len()) {
        return Err(ClientError::IdempotencyKey);
    }
    let mut quoted = String::from("\"");
    for character in name.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    HeaderValue::try_from(quoted).map_err(|_| ClientError::IdempotencyKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_never_shorter_than_asked_for() {
        for (ttl, text) in [
            (Duration::from_secs(90), "90000ms"),
            (Duration::from_micros(1500), "2ms"),
            (Duration::from_nanos(1), "1ms"),
        ] {
            assert_eq!(milliseconds(ttl).unwrap(), text);
        }
    }

    #[test]
    fn a_name_is_quoted_and_what_is_none_is_refused() {
        assert_eq!(idempotency_key(r#"a "b" \"#).unwrap(), r#""a \"b\" \\""#);
        for bad in ["", "a\nb", "é", &"x".repeat(256)] {
            assert!(matches!(idempotency_key(bad), Err(ClientError::IdempotencyKey)), "{bad}");
        }
    }
}
