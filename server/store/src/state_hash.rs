//! A hash of the whole state at a sequence, kept up to date by each change, so that two states are compared by one
//! number: after a replay, after a restore, between servers. Pure.
//!
//! It is the sum of a hash of each present key, so it depends on neither the order of the changes nor the order in memory
//! (an additive multiset hash: Clarke et al., "Incremental Multiset Hash Functions", ASIACRYPT 2003). It finds faults, not
//! forgers.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The hash of a state. That of no keys is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateHash(pub u64);

/// One present key, as the hash sees it.
#[derive(Debug, Clone, Copy)]
pub struct HashedKey<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The revision of its value.
    pub revision: u64,
    /// When that was written, in milliseconds since the Unix epoch.
    pub written_ms: u64,
    /// Its deadline, in milliseconds since the Unix epoch.
    pub expires_ms: Option<u64>,
    /// Its media type.
    pub media_type: Option<&'a str>,
    /// Its value.
    pub value: &'a [u8],
}

impl StateHash {
    /// The state with this key as well.
    pub fn add(&mut self, key: HashedKey<'_>) {
        self.0 = self.0.wrapping_add(hash(key));
    }

    /// The state without this key, which it had.
    pub fn remove(&mut self, key: HashedKey<'_>) {
        self.0 = self.0.wrapping_sub(hash(key));
    }
}

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Each part seeds the next, so that no byte can move from one part to its neighbour unseen.
fn hash(entry: HashedKey<'_>) -> u64 {
    let HashedKey { key, revision, written_ms, expires_ms, media_type, value } = entry;
    let times = written_ms.rotate_left(32) ^ expires_ms.map_or(0, |ms| ms.wrapping_mul(2).wrapping_add(1));
    let named = xxh3_64_with_seed(key, revision ^ times.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let typed = media_type.map_or(named, |name| xxh3_64_with_seed(name.as_bytes(), !named));
    xxh3_64_with_seed(value, typed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HashedKey, StateHash};

    const KEY: HashedKey<'static> = HashedKey {
        key: b"key",
        revision: 7,
        written_ms: 1_700_000_000_000,
        expires_ms: None,
        media_type: None,
        value: b"value",
    };

    fn of(key: HashedKey<'_>) -> StateHash {
        let mut hash = StateHash::default();
        hash.add(key);
        hash
    }

    #[test]
    fn every_part_of_a_key_counts() {
        let others = [
            HashedKey { key: b"kez", ..KEY },
            HashedKey { key: b"keyv", value: b"alue", ..KEY },
            HashedKey { revision: 8, ..KEY },
            HashedKey { written_ms: 1_700_000_000_001, ..KEY },
            HashedKey { expires_ms: Some(0), ..KEY },
            HashedKey { media_type: Some(""), ..KEY },
            HashedKey { media_type: Some("value"), value: b"", ..KEY },
            HashedKey { value: b"valuf", ..KEY },
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(of(*other), of(KEY), "case {at}");
        }
    }

    #[test]
    fn the_hash_of_a_known_state_never_changes() {
        // A snapshot of one version is compared by another.
        assert_eq!(of(KEY).to_string(), "94c9a07c19e417c0");
    }

    proptest! {
        #[test]
        fn the_order_of_changes_does_not_count(keys in prop::collection::vec((".{0,9}", any::<u64>()), 1..20)) {
            let entries: Vec<_> = keys.iter().map(|(key, revision)| HashedKey { key: key.as_bytes(), revision: *revision, ..KEY }).collect();
            let (mut forth, mut back) = (StateHash::default(), StateHash::default());
            for (one, other) in entries.iter().zip(entries.iter().rev()) {
                forth.add(*one);
                back.add(*other);
            }
            prop_assert_eq!(forth, back);
            for entry in entries {
                forth.remove(entry);
            }
            prop_assert_eq!(forth, StateHash::default());
        }
    }
}
