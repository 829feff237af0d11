//! One sorted block of entries, and beside them four bytes of each key: those behind what all keys of the block begin
//! with. A search compares these, which lie together, and looks into the memory of hardly more than the entry it
//! finds: each look into another one's waits for memory.

use std::cmp::Ordering;

use crate::store::entry::Packed;

/// How much room a full block is given at a time, in keys.
const STEP: usize = 16;

#[derive(Default)]
pub(super) struct Block {
    entries: Vec<Packed>,
    /// One an entry, or none at all: they are made at the first search for a change.
    heads: Vec<u32>,
    /// What all keys begin with, as far as the heads know.
    prefix: Box<[u8]>,
}

impl Block {
    pub(super) fn with_capacity(keys: usize) -> Self {
        Self { entries: Vec::with_capacity(keys), ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn entries(&self) -> &[Packed] {
        &self.entries
    }

    /// Puts an entry behind all others, whose keys are smaller.
    pub(super) fn push(&mut self, entry: Packed) {
        self.heads = Vec::new();
        self.entries.push(entry);
    }

    /// Makes room for exactly so many more.
    pub(super) fn reserve_exact(&mut self, keys: usize) {
        self.entries.reserve_exact(keys);
    }

    /// The place of a key, or where it would be.
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let by_key = |entries: &[Packed]| entries.binary_search_by(|entry| entry.key().cmp(key));
        if self.heads.len() != self.entries.len() {
            return by_key(&self.entries);
        }
        let Some(rest) = key.strip_prefix(&self.prefix[..]) else {
            return Err(if key.cmp(&self.prefix) == Ordering::Less { 0 } else { self.len() });
        };
        let head = head(rest);
        let first = self.heads.partition_point(|other| *other < head);
        let same = self.heads[first..].partition_point(|other| *other == head);
        by_key(&self.entries[first..first + same]).map(|place| first + place).map_err(|place| first + place)
    }

    /// As [`find`](Self::find), for a change: makes sure that searches are fast from now on.
    pub(super) fn find_to_change(&mut self, key: &[u8]) -> Result<usize, usize> {
        if self.heads.len() != self.entries.len() || self.heads_tell_nothing() {
            self.make_heads();
        }
        self.find(key)
    }

    /// Whether the keys begin with more than the heads know, so that all heads are the same.
    fn heads_tell_nothing(&self) -> bool {
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else { return false };
        let next = |entry: &Packed| entry.key().get(self.prefix.len()).copied();
        self.len() > STEP
            && self.heads.first() == self.heads.last()
            && next(first).is_some()
            && next(first) == next(last)
    }

    /// Puts an entry in the place of one with the same key.
    pub(super) fn replace(&mut self, place: usize, entry: Packed) {
        self.entries[place] = entry;
    }

    /// Puts an entry where it would be found.
    pub(super) fn insert(&mut self, place: usize, entry: Packed) {
        if self.len() == self.entries.capacity() {
            self.entries.reserve_exact(STEP);
        }
        let rest = entry.key().strip_prefix(&self.prefix[..]).map(head);
        self.entries.insert(place, entry);
        match rest {
            Some(head) if self.heads.len() + 1 == self.len() => {
                if self.heads.len() == self.heads.capacity() {
                    self.heads.reserve_exact(STEP);
                }
                self.heads.insert(place, head);
            }
            // It begins as no other does.
            _ => self.make_heads(),
        }
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.entries.remove(place);
        if place < self.heads.len() {
            self.heads.remove(place);
        }
    }

    /// Takes away all from a place on.
    pub(super) fn split_off(&mut self, place: usize) -> Self {
        // What is left on either side begins with more.
        self.heads = Vec::new();
        Self { entries: self.entries.split_off(place), ..Self::default() }
    }

    /// Takes in a block that comes behind this one.
    pub(super) fn extend(&mut self, behind: Self) {
        self.heads = Vec::new();
        self.entries.reserve_exact(behind.len());
        self.entries.extend(behind.entries);
    }

    fn make_heads(&mut self) {
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else { return };
        // What is between them begins with whatever both begin with.
        let same = first.key().iter().zip(last.key()).take_while(|(one, other)| one == other).count();
        self.prefix = first.key()[..same].into();
        self.heads = Vec::with_capacity(self.entries.capacity());
        self.heads.extend(self.entries.iter().map(|entry| head(&entry.key()[same..])));
    }
}

/// The first four bytes as a number of the same order; where there are fewer, zeros stand for the rest.
fn head(rest: &[u8]) -> u32 {
    rest.first_chunk().map_or_else(
        || (0..4).fold(0, |head, at| head << 8 | u32::from(rest.get(at).copied().unwrap_or(0))),
        |bytes| u32::from_be_bytes(*bytes),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::super::entry::Parts, *};

    fn packed(key: &[u8]) -> Packed {
        let parts = Parts { revision: 1, written_ms: 0, key, value: b"", media_type: None, expires_ms: None };
        Packed::new(parts, &mut Vec::new())
    }

    #[test]
    fn heads_that_tell_nothing_are_made_anew() {
        let mut block = Block::default();
        for number in 0..100 {
            let entry = packed(format!("a-long-common-part-{number:03}").as_bytes());
            let place = block.find_to_change(entry.key()).unwrap_err();
            block.insert(place, entry);
        }
        assert_ne!(block.heads.first(), block.heads.last());
        assert_eq!(block.find(b"a-long-common-part-042"), Ok(42));
        assert_eq!(block.find(b"a-long-common-part-0421"), Err(43));
        assert_eq!((block.find(b"a-long"), block.find(b"b")), (Err(0), Err(100)));
        // One that begins differently.
        let place = block.find_to_change(b"a").unwrap_err();
        block.insert(place, packed(b"a"));
        assert_eq!((block.find(b"a"), block.find(b"a-long-common-part-099")), (Ok(0), Ok(100)));
    }
}
