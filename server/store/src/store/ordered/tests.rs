//! The order against a `BTreeMap` that does the same.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::{
    super::entry::{Packed, Parts},
    super::range::KeyRange,
    BLOCK, FILLED, Ordered, Unsorted,
};

/// As many keys as fill so many blocks.
const BLOCKS: u32 = 40;

fn packed(key: &[u8], revision: u64) -> Packed {
    let parts = Parts { revision, written_ms: 0, key, value: b"", media_type: None, expires_ms: None };
    Packed::new(parts, &mut Vec::new())
}

fn from_unsorted(entries: &[Packed]) -> Ordered {
    let mut unsorted = Unsorted::default();
    for entry in entries {
        unsorted.see(entry.key());
    }
    unsorted.take(entries.iter());
    Ordered::from_unsorted(unsorted)
}

fn seen<'a>(entries: impl Iterator<Item = &'a Packed>) -> Vec<(Vec<u8>, u64)> {
    entries.map(|entry| (entry.key().to_vec(), entry.revision())).collect()
}

fn all(ordered: &Ordered) -> Vec<(Vec<u8>, u64)> {
    seen(ordered.range(KeyRange::all().bounds()))
}

fn numbers() -> u32 {
    BLOCKS * u32::try_from(BLOCK).unwrap()
}

/// Few enough that they meet again, of different lengths, and enough to fill blocks.
fn key() -> impl Strategy<Value = Vec<u8>> {
    (0..1500_u32).prop_map(|n| {
        if n % 3 == 0 { n.to_be_bytes()[2..].to_vec() } else { format!("key-{n}").into_bytes() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_a_tree_map_does(
        start in prop::collection::btree_set(key(), 0..900),
        steps in prop::collection::vec((key(), prop::bool::weighted(0.4)), 0..3000),
        ranges in prop::collection::vec((key(), key(), any::<(bool, bool)>()), 20),
    ) {
        let mut model: BTreeMap<Vec<u8>, u64> = start.iter().map(|key| (key.clone(), 0)).collect();
        let mut ordered = from_unsorted(&start.iter().rev().map(|key| packed(key, 0)).collect::<Vec<_>>());
        for (revision, (key, put)) in (1..).zip(steps) {
            if put {
                ordered.insert(packed(&key, revision));
                model.insert(key, revision);
            } else {
                ordered.remove(&key);
                model.remove(&key);
            }
        }
        prop_assert_eq!(all(&ordered), model.clone().into_iter().collect::<Vec<_>>());
        for (start, end, (open_start, open_end)) in ranges {
            let range = KeyRange {
                start: if open_start { std::ops::Bound::Excluded(Bytes::from(start)) } else { std::ops::Bound::Included(Bytes::from(start)) },
                end: if open_end { std::ops::Bound::Excluded(Bytes::from(end)) } else { std::ops::Bound::Included(Bytes::from(end)) },
            };
            let mut expected: Vec<_> = model.iter().filter(|(key, _)| range.contains(key)).map(|(key, revision)| (key.clone(), *revision)).collect();
            prop_assert_eq!(seen(ordered.range(range.bounds())), expected.clone());
            expected.reverse();
            prop_assert_eq!(seen(ordered.range(range.bounds()).rev()), expected);
        }
    }
}

#[test]
fn keys_that_come_in_order_fill_their_blocks() {
    let mut ordered = Ordered::new();
    for number in 0..numbers() {
        ordered.insert(packed(&number.to_be_bytes(), 1));
    }
    assert_eq!(ordered.blocks.len(), BLOCKS as usize);
}

#[test]
fn what_is_appended_is_behind_all_others_or_refused() {
    let mut ordered = Ordered::new();
    let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    for key in 0..=FILLED {
        assert!(ordered.append(&packed(&number(2 * key), 1)));
    }
    assert!(!ordered.append(&packed(&number(2 * FILLED), 2)), "the same as the last");
    // The last block has one key, and then none.
    ordered.remove(&number(2 * FILLED));
    assert!(!ordered.append(&packed(&number(1), 1)));
    assert_eq!(all(&ordered).len(), FILLED);
    ordered.insert(packed(&number(2 * FILLED + 1), 1));
    assert!(ordered.append(&packed(&number(2 * FILLED + 2), 1)));
    let keys: Vec<_> = all(&ordered).into_iter().map(|(key, _)| key).collect();
    assert!(keys.is_sorted());
    assert_eq!(keys.len(), FILLED + 2);
}

#[test]
fn keys_that_all_begin_as_one_of_them_are_sorted() {
    let keys: [&[u8]; 5] = [b"key", b"key-1", b"key-", b"key\0", b"key-1234567890"];
    let ordered = from_unsorted(&keys.map(|key| packed(key, 1)));
    let found: Vec<_> = all(&ordered).into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, [&b"key"[..], b"key\0", b"key-", b"key-1", b"key-1234567890"]);
}

#[test]
fn blocks_that_lose_their_keys_join() {
    let mut ordered = from_unsorted(&(0..numbers()).map(|n| packed(&n.to_be_bytes(), 1)).collect::<Vec<_>>());
    for number in (0..numbers()).filter(|number| number % 100 != 0) {
        ordered.remove(&number.to_be_bytes());
    }
    assert_eq!(all(&ordered).len(), numbers().div_ceil(100) as usize);
    assert!(ordered.blocks.len() <= 8, "{} blocks", ordered.blocks.len());
}
