//! Conditions of a write, as header fields.

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};

use crate::etag;

/// What must hold of a key for a write to be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// The key has no value (`If-None-Match: *`).
    Absent,
    /// The key has a value (`If-Match: *`).
    Exists,
    /// The key's value is of this revision (`If-Match`).
    Revision(u64),
}

impl Precondition {
    pub(super) fn write(self, headers: &mut HeaderMap) {
        const ANY: HeaderValue = HeaderValue::from_static("*");
        match self {
            Self::None => None,
            Self::Absent => headers.insert(IF_NONE_MATCH, ANY),
            Self::Exists => headers.insert(IF_MATCH, ANY),
            Self::Revision(revision) => headers.insert(IF_MATCH, etag::of_revision(revision)),
        };
    }
}
