//! Entity tags (RFC 9110 section 8.8.3): the revision of a key is its tag.
//!
//! The tag of revision 17 is the strong tag `"17"`. To clients it is opaque. That leaves room: a store that
//! was restored from a snapshot can put its epoch before the revision, and the tags of its former life,
//! which then no longer read as revisions of this one, match nothing.

use std::fmt;

use http::HeaderValue;

/// One entity tag, borrowed from a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// Whether it was written with `W/`.
    pub weak: bool,
    /// What stands between the quotes.
    pub opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// Reads one tag from the front of a field's value; returns it and what stands after it.
    fn read(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (weak, quoted) = match text.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let end = inner.iter().position(|&byte| byte == b'"')?;
        let opaque = &inner[..end];
        // etagc of RFC 9110: visible characters but the quote, and obs-text.
        let valid = opaque.iter().all(|&byte| byte > b' ' && byte != 0x7f);
        valid.then_some((Self { weak, opaque }, &inner[end + 1..]))
    }

    /// Reads a field's value that is exactly one tag.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        match Self::read(text.trim_ascii())? {
            (tag, []) => Some(tag),
            _ => None,
        }
    }

    /// Reads a comma-separated list of tags; empty elements are allowed. None when it is malformed.
    pub fn parse_list(text: &'a [u8]) -> Option<Vec<Self>> {
        let mut tags = Vec::new();
        let mut rest = text.trim_ascii_start();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(b",") {
                rest = after.trim_ascii_start();
                continue;
            }
            let (tag, after) = Self::read(rest)?;
            tags.push(tag);
            rest = after.trim_ascii_start();
            if !rest.is_empty() && !rest.starts_with(b",") {
                return None;
            }
        }
        Some(tags)
    }

    /// The revision that the tag stands for, whether weak or strong. None: a tag that no store gave out.
    pub fn revision(&self) -> Option<u64> {
        let revision = std::str::from_utf8(self.opaque).ok()?.parse::<u64>().ok()?;
        // Only the canonical spelling: `017` and `+17` are other tags.
        (revision.to_string().as_bytes() == self.opaque).then_some(revision)
    }
}

impl fmt::Display for EntityTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.weak { "W/" } else { "" };
        write!(f, "{prefix}\"{}\"", String::from_utf8_lossy(self.opaque))
    }
}

/// The strong tag of a revision, as a header field's value.
pub fn of_revision(revision: u64) -> HeaderValue {
    // Two quotes and at most twenty digits, filled from the end.
    let mut text = [b'"'; 22];
    let (mut start, mut rest) = (21, revision);
    loop {
        start -= 1;
        text[start] = b"0123456789"[usize::try_from(rest % 10).unwrap_or_default()];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    HeaderValue::from_bytes(&text[start - 1..]).unwrap_or(HeaderValue::from_static("\"0\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_tag_of_a_revision_reads_back(revision in any::<u64>()) {
            let tag = of_revision(revision);
            prop_assert_eq!(tag.to_str().unwrap(), format!("\"{revision}\""));
            let parsed = EntityTag::parse(tag.as_bytes()).unwrap();
            prop_assert!(!parsed.weak);
            prop_assert_eq!(parsed.revision(), Some(revision));
        }

        #[test]
        fn no_field_panics(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = EntityTag::parse_list(&text);
        }
    }

    #[test]
    fn lists_are_read_as_rfc_9110_writes_them() {
        let tags = EntityTag::parse_list(br#" "xyzzy", W/"7",,"a,b" , "" "#).unwrap();
        let shown: Vec<String> = tags.iter().map(ToString::to_string).collect();
        assert_eq!(shown, [r#""xyzzy""#, r#"W/"7""#, r#""a,b""#, r#""""#]);
        assert_eq!(tags[1].revision(), Some(7));
    }

    #[test]
    fn malformed_lists_are_refused() {
        for text in ["7", r#""7"#, r#"w/"7""#, r#""a" "b""#, "\"a b\"", "\"a\",*"] {
            assert_eq!(EntityTag::parse_list(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn only_the_canonical_spelling_is_a_revision() {
        for text in ["\"\"", "\"017\"", "\"+17\"", "\"e1-17\"", "\"18446744073709551616\""] {
            assert_eq!(EntityTag::parse(text.as_bytes()).unwrap().revision(), None, "{text}");
        }
    }
}
