//! The keys for point reads: a hash table in shards, each behind its own lock, so that a read waits at most for the
//! memory of one change. Several keys are changed as one: who sees one of them changed sees all of them so.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::{HashTable, hash_table};
use parking_lot::{RwLock, RwLockWriteGuard};
use smallvec::SmallVec;

use super::entry::Packed;

/// As many that a shard's growth, which moves all of its keys under its lock, stays below a millisecond at a
/// million keys.
const SHARDS: usize = 256;

pub(super) struct Shards {
    shards: Box<[RwLock<HashTable<Packed>>]>,
    /// Seeded at random, so that nobody can choose keys that collide.
    hasher: RandomState,
}

/// What a key becomes.
pub(super) enum Becomes<'a> {
    Present(Packed),
    Absent(&'a [u8]),
}

impl Shards {
    pub(super) fn new() -> Self {
        let shards = std::iter::repeat_with(RwLock::default).take(SHARDS).collect();
        Self { shards, hasher: RandomState::default() }
    }

    /// Looks at a key's present entry.
    pub(super) fn find<T>(&self, key: &[u8], read: impl FnOnce(&Packed) -> T) -> Option<T> {
        let hash = self.hash(key);
        self.shards[shard_of(hash)].read().find(hash, |held| held.key() == key).map(read)
    }

    /// Changes one key; returns what it was before.
    pub(super) fn set(&self, becomes: Becomes<'_>) -> Option<Packed> {
        let hash = self.hash(becomes.key());
        set_in(&self.hasher, &mut self.shards[shard_of(hash)].write(), hash, becomes)
    }

    /// Changes several keys, each at most once, as one; returns what each was before.
    pub(super) fn set_all<'a>(
        &self,
        all: impl Iterator<Item = Becomes<'a>>,
    ) -> SmallVec<[Option<Packed>; 1]> {
        let hashed: Vec<_> = all.map(|becomes| (self.hash(becomes.key()), becomes)).collect();
        let mut held: Vec<usize> = hashed.iter().map(|(hash, _)| shard_of(*hash)).collect();
        held.sort_unstable();
        held.dedup();
        // There is one writer, and readers hold one lock: no order of locks can wait in a circle.
        let mut guards: Vec<RwLockWriteGuard<'_, _>> =
            held.iter().map(|shard| self.shards[*shard].write()).collect();
        let set = |(hash, becomes): (u64, Becomes<'_>)| {
            let table = held.binary_search(&shard_of(hash)).ok().and_then(|place| guards.get_mut(place))?;
            set_in(&self.hasher, table, hash, becomes)
        };
        hashed.into_iter().map(set).collect()
    }

    /// What a key is found by.
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Changes keys one after the other, each with its hash, while nobody else looks; returns what they were before.
    ///
    /// Without a lock, and without any other instruction that waits for the memory of those before it, the processor
    /// is after many keys at once.
    pub(super) fn fill(&mut self, changes: Vec<(u64, Becomes<'_>)>) -> Vec<Packed> {
        let mut before = Vec::new();
        for (hash, becomes) in changes {
            let table = self.shards[shard_of(hash)].get_mut();
            before.extend(set_in(&self.hasher, table, hash, becomes));
        }
        before
    }

    /// How many keys there are, while nobody else looks.
    pub(super) fn keys(&mut self) -> usize {
        self.shards.iter_mut().map(|shard| shard.get_mut().len()).sum()
    }

    /// Makes room for so many keys, while nobody else looks.
    pub(super) fn reserve(&mut self, keys: usize) {
        let mean = keys / SHARDS;
        // Shards get more or less than the mean; by more than this, one in thousands.
        let most = mean + 4 * mean.isqrt();
        for shard in &mut self.shards {
            let table = shard.get_mut();
            table.reserve(most.saturating_sub(table.len()), |held| self.hasher.hash_one(held.key()));
        }
    }

    /// Every shard, with no more room than its keys would have made, while nobody else looks.
    pub(super) fn settled(&mut self) -> impl Iterator<Item = &HashTable<Packed>> {
        self.shards.iter_mut().map(|shard| {
            let table = shard.get_mut();
            table.shrink_to(0, |held| self.hasher.hash_one(held.key()));
            &*table
        })
    }
}

fn set_in(
    hasher: &RandomState,
    table: &mut HashTable<Packed>,
    hash: u64,
    becomes: Becomes<'_>,
) -> Option<Packed> {
    match becomes {
        Becomes::Present(entry) => {
            let rehash = |held: &Packed| hasher.hash_one(held.key());
            match table.entry(hash, |held| held.key() == entry.key(), rehash) {
                hash_table::Entry::Occupied(mut slot) => Some(std::mem::replace(slot.get_mut(), entry)),
                hash_table::Entry::Vacant(slot) => {
                    slot.insert(entry);
                    None
                }
            }
        }
        Becomes::Absent(key) => {
            let slot = table.find_entry(hash, |held| held.key() == key).ok()?;
            Some(slot.remove().0)
        }
    }
}

impl Becomes<'_> {
    pub(super) fn key(&self) -> &[u8] {
        match self {
            Self::Present(entry) => entry.key(),
            Self::Absent(key) => key,
        }
    }
}

fn shard_of(hash: u64) -> usize {
    // The table itself uses the lowest and the highest bits.
    let [.., byte, _, _] = hash.to_le_bytes();
    usize::from(byte) % SHARDS
}
