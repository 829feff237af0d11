//! The order against a `BTreeMap` that does the same.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::{
    super::entry::{Packed, Parts},
    super::range::KeyRange,
    BLOCK, Ordered,
};

/// As many keys as fill so many blocks.
const BLOCKS: u32 = 40;

fn packed(key: &[u8], revision: u64) -> Packed {
    let parts = Parts { revision, written_ms: 0, key, value: b"", media_type: None, expires_ms: None };
    Packed::new(parts, &mut Vec::new())
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
        let mut ordered = Ordered::from_unsorted(start.iter().rev().map(|key| packed(key, 0)).collect());
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
fn blocks_that_lose_their_keys_join() {
    let mut ordered = Ordered::from_unsorted((0..numbers()).map(|n| packed(&n.to_be_bytes(), 1)).collect());
    for number in (0..numbers()).filter(|number| number % 100 != 0) {
        ordered.remove(&number.to_be_bytes());
    }
    assert_eq!(all(&ordered).len(), numbers().div_ceil(100) as usize);
    assert!(ordered.blocks.len() <= 8, "{} blocks", ordered.blocks.len());
}
