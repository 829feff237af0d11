//! Keys in URLs: any bytes, percent-encoded as the rest of the path after `/v1/`.
//!
//! A key is decoded exactly once and never normalised: `a//b`, `..`, `%2F` and `%00` each survive. A path
//! that spells the same key in another way (`a/b` and `a%2Fb`) names the same key.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use thiserror::Error;

/// What the path of every key begins with.
pub const PREFIX: &str = "/v1/";

/// All but RFC 3986's unreserved characters. The slash is encoded too, so that a key is one path segment
/// and no proxy on the way merges its slashes or resolves its dots.
pub(crate) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path that does not spell a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The path is not under [`PREFIX`].
    #[error("the path is not under /v1/: write a key as /v1/KEY")]
    NotAKey,
    /// Nothing stands after [`PREFIX`].
    #[error("the key is empty: write it after /v1/, as in /v1/greeting")]
    Empty,
    /// A `%` that two hexadecimal digits do not follow.
    #[error(
        "the `%` at byte {position} of the path is not followed by two hexadecimal digits: write a literal `%` as `%25`"
    )]
    Malformed {
        /// Offset of the `%` in the path, in bytes.
        position: usize,
    },
}

/// The canonical path of a key: the same bytes always give the same path.
pub fn to_path(key: &[u8]) -> String {
    // Alone, these two are path segments that clients and proxies resolve away.
    match key {
        b"." => "/v1/%2E".to_owned(),
        b".." => "/v1/%2E%2E".to_owned(),
        _ => format!("{PREFIX}{}", percent_encode(key, ENCODED)),
    }
}

/// The key that a raw, undecoded URL path names. Borrowed from the path unless something was encoded.
///
/// # Errors
/// When the path is not under [`PREFIX`], names no key, or is not well-formed percent-encoding.
pub fn from_path(path: &str) -> Result<Cow<'_, [u8]>, KeyError> {
    decode(path.strip_prefix(PREFIX).ok_or(KeyError::NotAKey)?)
}

/// The key that stands behind [`PREFIX`] in a raw, undecoded URL path.
///
/// # Errors
/// When there is none, or it is not well-formed percent-encoding.
pub fn decode(encoded: &str) -> Result<Cow<'_, [u8]>, KeyError> {
    let encoded = encoded.as_bytes();
    if encoded.is_empty() {
        return Err(KeyError::Empty);
    }
    let well_formed = |at: &usize| {
        encoded.get(at + 1).is_some_and(u8::is_ascii_hexdigit)
            && encoded.get(at + 2).is_some_and(u8::is_ascii_hexdigit)
    };
    let mut percents = (0..encoded.len()).filter(|&at| encoded[at] == b'%');
    match percents.find(|at| !well_formed(at)) {
        Some(at) => Err(KeyError::Malformed { position: PREFIX.len() + at }),
        None => Ok(percent_decode(encoded).into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_survive_the_path(key in prop::collection::vec(any::<u8>(), 1..300)) {
            let path = to_path(&key);
            prop_assert!(path.parse::<http::uri::PathAndQuery>().is_ok());
            prop_assert_eq!(&from_path(&path).unwrap()[..], &key[..]);
        }

        #[test]
        fn any_well_formed_path_names_the_key_of_its_canonical_path(
            path in r"/v1/([!$&-;=@-Z_a-z~]|%[0-9A-Fa-f]{2}){1,80}"
        ) {
            let key = from_path(&path).unwrap().into_owned();
            let canonical = to_path(&key);
            prop_assert_eq!(&from_path(&canonical).unwrap()[..], &key[..]);
        }

        #[test]
        fn no_path_panics(path in r"/v1/[ -~]{0,40}") {
            let _ = from_path(&path);
        }
    }

    #[test]
    fn odd_keys_are_decoded_once_and_not_normalised() {
        for (path, key) in [
            ("/v1/a/b", &b"a/b"[..]),
            ("/v1/a%2Fb", b"a/b"),
            ("/v1/a%2fb", b"a/b"),
            ("/v1/a//b", b"a//b"),
            ("/v1//", b"/"),
            ("/v1/%00", b"\0"),
            ("/v1/.", b"."),
            ("/v1/../x", b"../x"),
            ("/v1/%2E%2E", b".."),
            ("/v1/%2525", b"%25"),
            ("/v1/a+b", b"a+b"),
            ("/v1/%FF%fe", b"\xff\xfe"),
        ] {
            assert_eq!(&from_path(path).unwrap()[..], key, "{path}");
        }
    }

    #[test]
    fn a_key_is_one_segment_that_nobody_resolves() {
        assert_eq!(to_path(b".."), "/v1/%2E%2E");
        assert_eq!(to_path(b"../x y"), "/v1/..%2Fx%20y");
        assert_eq!(to_path(b"libstdc++6"), "/v1/libstdc%2B%2B6");
    }

    #[test]
    fn a_path_without_a_key_is_refused() {
        assert_eq!(from_path("/v1/"), Err(KeyError::Empty));
        assert_eq!(from_path("/v1"), Err(KeyError::NotAKey));
        assert_eq!(from_path("/v2/a"), Err(KeyError::NotAKey));
        for (path, position) in [("/v1/%", 4), ("/v1/ab%2", 6), ("/v1/%20%zz", 7), ("/v1/%%41", 4)] {
            assert_eq!(from_path(path), Err(KeyError::Malformed { position }), "{path}");
        }
    }
}
