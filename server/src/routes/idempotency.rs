//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the name of a request, and a digest of what it asks, by
//! which the store knows it again. Pure.

use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, Response};
use kivi_api::Problem;
use kivi_api::headers::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED};
use kivi_store::RequestId;
use sha2::{Digest, Sha256};

use super::problems;

/// The longest name, in bytes.
const LONGEST: usize = 255;

/// The name that a request was given.
pub(super) fn name(headers: &HeaderMap) -> Result<Option<Bytes>, Problem> {
    let mut lines = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let text = line.to_str().ok().filter(|_| lines.next().is_none()).and_then(unquote);
    let name = text.filter(|name| (1..=LONGEST).contains(&name.len()));
    let expected = "not one string of 1 to 255 visible ASCII characters in double quotes";
    name.map(|name| Some(Bytes::from(name))).ok_or_else(|| problems::malformed("Idempotency-Key", expected))
}

/// A string of structured fields (RFC 9651 section 3.3.3); as many clients send it, also without its quotes.
fn unquote(text: &str) -> Option<String> {
    let text = text.trim();
    let Some(quoted) = text.strip_prefix('"') else {
        let bare = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        return bare.then(|| text.to_owned());
    };
    let mut name = String::new();
    let mut characters = quoted.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => name.push(characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            '"' => return None,
            character => name.push(character),
        }
    }
    Some(name)
}

/// The request as the store knows it: its name, and a digest of these parts of it.
pub(super) fn request(name: Bytes, parts: &[&[u8]]) -> RequestId {
    let mut digest = Sha256::new();
    for part in parts {
        // With its length, no byte can move to the next part unseen.
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&digest[..16]);
    RequestId { id: name, fingerprint }
}

/// Tells that an answer is that of an earlier request.
pub(super) fn mark<B>(response: &mut Response<B>, repeated: bool) {
    if repeated {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Bytes>, Problem> {
        name(&HeaderMap::from_iter([(IDEMPOTENCY_KEY, HeaderValue::from_bytes(text.as_bytes()).unwrap())]))
    }

    #[test]
    fn a_name_is_a_string_with_or_without_quotes() {
        assert_eq!(read(r#""8e03978e-40d5""#).unwrap().unwrap(), "8e03978e-40d5");
        assert_eq!(read("8e03978e-40d5").unwrap().unwrap(), "8e03978e-40d5");
        assert_eq!(read(r#""a \"b\" \\""#).unwrap().unwrap(), r#"a "b" \"#);
        assert_eq!(name(&HeaderMap::new()).unwrap(), None);
        for bad in ["", "\"\"", "\"a", "a b", "a\"b", "\"a\\b\"", &"x".repeat(256)] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_byte_can_move_from_one_part_to_the_next() {
        let of = |parts: &[&[u8]]| request(Bytes::from_static(b"n"), parts).fingerprint;
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
    }
}
