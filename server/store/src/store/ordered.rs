//! The keys in the order of their bytes: sorted blocks in a tree, so that a key costs little more than its pointer and
//! a scan goes on from any key in O(log n).
//!
//! Measured against an order per shard with a merge and against one `BTreeSet`; the figures are in
//! docs/benchmarks/order.md.

mod block;
mod unsorted;

use std::{collections::BTreeMap, ops::Bound};

use self::block::Block;
pub(super) use self::unsorted::Unsorted;
use super::entry::Packed;

/// The most keys of one block: inserting moves at most 2 KiB of pointers.
const BLOCK: usize = 256;
/// How full blocks are that are made of sorted keys: room for some inserts, and little waste.
const FILLED: usize = 240;

/// Every present key, in order.
pub(super) struct Ordered {
    /// Each block under a key that is no greater than its own and greater than all before it. The first is under no
    /// bytes at all, and there is always one.
    blocks: BTreeMap<Box<[u8]>, Block>,
}

impl Ordered {
    pub(super) fn new() -> Self {
        Self { blocks: BTreeMap::from([(Box::default(), Block::default())]) }
    }

    /// All of these at once; no key comes twice.
    pub(super) fn from_unsorted(unsorted: Unsorted) -> Self {
        let mut blocks = BTreeMap::from([(Box::default(), Block::default())]);
        let mut sorted = unsorted.sorted();
        let mut separator: Box<[u8]> = Box::default();
        let mut next = sorted.next();
        while let Some(first) = next {
            let mut block = Block::with_capacity(FILLED.min(1 + sorted.len()));
            block.push(first);
            for entry in sorted.by_ref().take(FILLED - 1) {
                block.push(entry);
            }
            blocks.insert(separator, block);
            next = sorted.next();
            separator = next.as_ref().map_or_else(Box::default, |next| next.key().into());
        }
        Self { blocks }
    }

    /// Puts an entry behind all others, if its key is greater than theirs.
    pub(super) fn append(&mut self, entry: &Packed) -> bool {
        let only = self.blocks.len() == 1;
        let Some(mut block) = self.blocks.last_entry() else { return false };
        let block = block.get_mut();
        // Of an empty block nobody knows what comes before it, save of the only one.
        if block.entries().last().map_or(!only, |last| last.key() >= entry.key()) {
            return false;
        }
        if block.len() < FILLED {
            if block.is_empty() {
                block.reserve_exact(FILLED);
            }
            block.push(entry.clone());
        } else {
            let mut next = Block::with_capacity(FILLED);
            next.push(entry.clone());
            self.blocks.insert(entry.key().into(), next);
        }
        true
    }

    /// Puts an entry in its place, or in that of an entry with the same key.
    pub(super) fn insert(&mut self, entry: Packed) {
        let Some((_, block)) = self.blocks.range_mut::<[u8], _>(upto(entry.key())).next_back() else {
            return;
        };
        let place = match block.find_to_change(entry.key()) {
            Ok(place) => return block.replace(place, entry),
            Err(place) => place,
        };
        if block.len() < BLOCK {
            return block.insert(place, entry);
        }
        // Keys that come in order leave full blocks behind.
        let mut upper = if place == block.len() { Block::default() } else { block.split_off(BLOCK / 2) };
        match place.checked_sub(block.len()) {
            None => block.insert(place, entry),
            Some(place) => upper.insert(place, entry),
        }
        let first = upper.entries().first().map(|first| first.key().into());
        self.blocks.extend(first.map(|first| (first, upper)));
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        let Some((separator, block)) = self.blocks.range_mut::<[u8], _>(upto(key)).next_back() else {
            return;
        };
        let Ok(place) = block.find_to_change(key) else { return };
        block.remove(place);
        if block.len() >= BLOCK / 4 || separator.is_empty() {
            return;
        }
        // A block that has become small goes into the one before it, if that has room to stay useful.
        let separator = separator.clone();
        let small = block.len();
        let before =
            self.blocks.range_mut::<[u8], _>((Bound::Unbounded, Bound::Excluded(&separator[..]))).next_back();
        if before.is_some_and(|(_, before)| before.len() + small <= BLOCK * 3 / 4)
            && let Some(block) = self.blocks.remove(&separator)
            && let Some((_, before)) = self.blocks.range_mut::<[u8], _>(upto(&separator)).next_back()
        {
            before.extend(block);
        }
    }

    /// The entries between the bounds, in order; from both ends.
    pub(super) fn range<'a>(
        &'a self,
        (start, end): (Bound<&'a [u8]>, Bound<&'a [u8]>),
    ) -> impl DoubleEndedIterator<Item = &'a Packed> {
        let first: &[u8] = match start {
            Bound::Included(key) | Bound::Excluded(key) => {
                let block = self.blocks.range::<[u8], _>(upto(key)).next_back();
                block.map_or(&[], |(separator, _)| separator)
            }
            Bound::Unbounded => &[],
        };
        let last = match end {
            // Of a range that ends before it begins, one block is looked at, and nothing is found in it.
            Bound::Included(key) | Bound::Excluded(key) => Bound::Included(key.max(first)),
            Bound::Unbounded => Bound::Unbounded,
        };
        self.blocks.range::<[u8], _>((Bound::Included(first), last)).flat_map(move |(_, block)| {
            let before = |key| block.find(key).unwrap_or_else(|place| place);
            let upto_and_with = |key| block.find(key).map_or_else(|place| place, |place| place + 1);
            let from = match start {
                Bound::Included(key) => before(key),
                Bound::Excluded(key) => upto_and_with(key),
                Bound::Unbounded => 0,
            };
            let upto = match end {
                Bound::Included(key) => upto_and_with(key),
                Bound::Excluded(key) => before(key),
                Bound::Unbounded => block.len(),
            };
            block.entries().get(from..upto).unwrap_or_default()
        })
    }
}

fn upto(key: &[u8]) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (Bound::Unbounded, Bound::Included(key))
}

#[cfg(test)]
mod tests;
