//! A range of keys, in the order of their bytes. Pure.

use std::ops::Bound;

use bytes::Bytes;

/// A range of keys, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// Where it begins.
    pub start: Bound<Bytes>,
    /// Where it ends.
    pub end: Bound<Bytes>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        Self { start: Bound::Unbounded, end: Bound::Unbounded }
    }

    /// The keys that begin with these bytes.
    pub fn prefix(prefix: Bytes) -> Self {
        let end = match prefix.iter().rposition(|byte| *byte != u8::MAX) {
            // The first key behind all of them: the last byte that can be raised, raised.
            Some(last) => {
                let mut end = prefix[..=last].to_vec();
                end[last] += 1;
                Bound::Excluded(Bytes::from(end))
            }
            None => Bound::Unbounded,
        };
        Self { start: if prefix.is_empty() { Bound::Unbounded } else { Bound::Included(prefix) }, end }
    }

    /// The keys that are in both.
    pub fn within(self, other: Self) -> Self {
        Self { start: later(self.start, other.start), end: earlier(self.end, other.end) }
    }

    /// Whether a key is in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        let behind = match &self.start {
            Bound::Included(start) => key >= &start[..],
            Bound::Excluded(start) => key > &start[..],
            Bound::Unbounded => true,
        };
        let before = match &self.end {
            Bound::Included(end) => key <= &end[..],
            Bound::Excluded(end) => key < &end[..],
            Bound::Unbounded => true,
        };
        behind && before
    }

    /// Whether no key can be in it.
    pub(super) fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
            // No key has no bytes, and none is before it.
            (_, Bound::Excluded(end)) => end.is_empty(),
            _ => false,
        }
    }

    /// The range for a map of byte strings.
    pub(super) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.start.as_ref().map(|start| &start[..]), self.end.as_ref().map(|end| &end[..]))
    }
}

fn later(one: Bound<Bytes>, other: Bound<Bytes>) -> Bound<Bytes> {
    match (&one, &other) {
        (Bound::Unbounded, _) => other,
        (_, Bound::Unbounded) => one,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
            if a > b || (a == b && matches!(one, Bound::Excluded(_))) { one } else { other }
        }
    }
}

fn earlier(one: Bound<Bytes>, other: Bound<Bytes>) -> Bound<Bytes> {
    match (&one, &other) {
        (Bound::Unbounded, _) => other,
        (_, Bound::Unbounded) => one,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => {
            if a < b || (a == b && matches!(one, Bound::Excluded(_))) { one } else { other }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xfe), Just(0xff)], 0..4)
            .prop_map(Bytes::from)
    }

    fn bound() -> impl Strategy<Value = Bound<Bytes>> {
        prop_oneof![
            Just(Bound::Unbounded),
            bytes().prop_map(Bound::Included),
            bytes().prop_map(Bound::Excluded)
        ]
    }

    fn range() -> impl Strategy<Value = KeyRange> {
        (bound(), bound()).prop_map(|(start, end)| KeyRange { start, end })
    }

    proptest! {
        #[test]
        fn a_prefix_holds_exactly_what_begins_with_it(prefix in bytes(), key in bytes()) {
            prop_assume!(!key.is_empty());
            prop_assert_eq!(KeyRange::prefix(prefix.clone()).contains(&key), key.starts_with(&prefix));
        }

        #[test]
        fn an_intersection_holds_what_both_hold(one in range(), other in range(), key in bytes()) {
            prop_assume!(!key.is_empty());
            let both = one.contains(&key) && other.contains(&key);
            let within = one.within(other);
            prop_assert_eq!(within.contains(&key), both);
            prop_assert!(!(within.is_empty() && both));
        }
    }
}
