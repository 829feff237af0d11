//! The keys in memory: a hash map in shards, each behind its own lock, so that a read waits at most for one insert.
//! It holds what is applied and knows nothing of what is under way.

use std::{
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};

use foldhash::quality::RandomState;
use hashbrown::{HashTable, hash_table};
use parking_lot::{Mutex, RwLock};

use super::{
    OpenError,
    entry::{Entry, Packed},
    head::Known,
};
use crate::{Change, LogEntry, Record};

/// As many that a shard's growth, which moves all of its keys under its lock, stays below a millisecond at a
/// million keys.
const SHARDS: usize = 256;
/// The most that is kept of the assembly room, in bytes.
const SCRATCH: usize = 64 << 10;

pub(super) struct Index {
    shards: Box<[RwLock<HashTable<Packed>>]>,
    /// Seeded at random, so that nobody can choose keys that collide.
    hasher: RandomState,
    keys: AtomicU64,
    memory_bytes: AtomicU64,
    last_revision: AtomicU64,
    /// Room in which the applier assembles entries.
    scratch: Mutex<Vec<u8>>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            shards: std::iter::repeat_with(RwLock::default).take(SHARDS).collect(),
            hasher: RandomState::default(),
            keys: AtomicU64::new(0),
            memory_bytes: AtomicU64::new(0),
            last_revision: AtomicU64::new(0),
            scratch: Mutex::default(),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Entry> {
        self.find(key, Packed::entry)
    }

    pub(super) fn known(&self, key: &[u8]) -> Option<Known> {
        self.find(key, |packed| Known { revision: packed.revision(), weight: packed.weight() })
    }

    /// Applies an entry read back from the log.
    pub(super) fn replay(&self, entry: &LogEntry) -> Result<(), OpenError> {
        if matches!(entry.record.change, Change::Put { expires_ms: Some(_), .. }) {
            return Err(OpenError::Unsupported {
                sequence: entry.sequence,
                demand: "sets a deadline for its key",
            });
        }
        self.apply(entry.sequence, &entry.record);
        Ok(())
    }

    /// Applies the next entry of the log. One caller at a time, in log order.
    pub(super) fn apply(&self, sequence: u64, record: &Record) {
        match &record.change {
            Change::Put { value, media_type, .. } => {
                self.insert(sequence, record, value, media_type.as_deref());
            }
            Change::Delete => self.remove(&record.key),
        }
        self.last_revision.store(sequence, Ordering::Release);
    }

    pub(super) fn keys(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// The sequence of the last entry applied.
    pub(super) fn last_revision(&self) -> u64 {
        self.last_revision.load(Ordering::Acquire)
    }

    fn insert(&self, sequence: u64, record: &Record, value: &[u8], media_type: Option<&str>) {
        let key = &record.key[..];
        let packed = {
            let mut scratch = self.scratch.lock();
            scratch.shrink_to(SCRATCH);
            Packed::new(sequence, record.written_ms, key, value, media_type, &mut scratch)
        };
        let weight = packed.weight();
        let hash = self.hasher.hash_one(key);
        let mut table = self.shard(hash).write();
        match table.entry(hash, |held| held.key() == key, |held| self.hasher.hash_one(held.key())) {
            hash_table::Entry::Occupied(mut slot) => {
                let before = std::mem::replace(slot.get_mut(), packed);
                drop(table);
                self.memory_bytes.fetch_add(weight, Ordering::Relaxed);
                self.memory_bytes.fetch_sub(before.weight(), Ordering::Relaxed);
            }
            hash_table::Entry::Vacant(slot) => {
                slot.insert(packed);
                self.keys.fetch_add(1, Ordering::Relaxed);
                self.memory_bytes.fetch_add(weight, Ordering::Relaxed);
            }
        }
    }

    fn remove(&self, key: &[u8]) {
        let hash = self.hasher.hash_one(key);
        let mut table = self.shard(hash).write();
        if let Ok(slot) = table.find_entry(hash, |held| held.key() == key) {
            let (before, _) = slot.remove();
            drop(table);
            self.keys.fetch_sub(1, Ordering::Relaxed);
            self.memory_bytes.fetch_sub(before.weight(), Ordering::Relaxed);
        }
    }

    fn find<T>(&self, key: &[u8], read: impl FnOnce(&Packed) -> T) -> Option<T> {
        let hash = self.hasher.hash_one(key);
        self.shard(hash).read().find(hash, |held| held.key() == key).map(read)
    }

    fn shard(&self, hash: u64) -> &RwLock<HashTable<Packed>> {
        // The table itself uses the lowest and the highest bits.
        let [.., byte, _, _] = hash.to_le_bytes();
        &self.shards[usize::from(byte) % SHARDS]
    }
}
