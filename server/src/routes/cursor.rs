//! Cursors of lists: where a page ended, and the revision that all pages show. Opaque to clients. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The version of what a cursor says.
const VERSION: u8 = 1;
/// How many bytes of a digest tell a cursor from what only looks like one.
const CHECK: usize = 4;

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) revision: u64,
    /// The last key of the page before.
    pub(super) last: Bytes,
}

impl Cursor {
    pub(super) fn encode(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.revision.to_be_bytes());
        bytes.extend_from_slice(&self.last);
        let check = Sha256::digest(&bytes);
        bytes.extend_from_slice(&check[..CHECK]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn decode(text: &[u8]) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (said, check) = bytes.split_last_chunk::<CHECK>()?;
        let (revision, last) = said.strip_prefix(&[VERSION])?.split_first_chunk::<8>()?;
        if Sha256::digest(said)[..CHECK] != check[..] {
            return None;
        }
        Some(Self { revision: u64::from_be_bytes(*revision), last: Bytes::copy_from_slice(last) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back_and_a_damaged_one_does_not(
            revision: u64,
            last in prop::collection::vec(any::<u8>(), 1..50),
            at: prop::sample::Index,
            other in "[A-Za-z0-9_-]",
        ) {
            let cursor = Cursor { revision, last: Bytes::from(last) };
            let text = cursor.encode();
            prop_assert_eq!(Cursor::decode(text.as_bytes()), Some(cursor.clone()));
            let mut damaged = text.clone();
            let at = at.index(text.len());
            damaged.replace_range(at..=at, &other);
            prop_assert!(damaged == text || Cursor::decode(damaged.as_bytes()).is_none());
        }
    }
}
