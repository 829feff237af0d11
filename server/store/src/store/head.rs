//! The head of the log: everything accepted, durable or not. Decisions are made here, by pure functions of it;
//! it does no IO and never waits.

mod decide;

use std::collections::HashMap;

use bytes::Bytes;
use foldhash::quality::RandomState;
use smallvec::SmallVec;

pub(super) use self::decide::{Decision, Plan};
use super::{RequestId, StoreError, StoreLimits, entry::Packed};

/// What is accepted but not yet applied, and what memory will be taken when it is.
pub(super) struct Head {
    /// The sequence of the last record given to the log.
    tail: u64,
    /// How many refusals of the log were taken note of.
    term: u64,
    /// The last write under way of each key that has one.
    pending: HashMap<Bytes, Pending, RandomState>,
    /// The named requests that are under way, with their fingerprints.
    requests: HashMap<Bytes, [u8; 16], RandomState>,
    /// What everything under way adds up to.
    delta: Delta,
    limits: StoreLimits,
    closed: bool,
    refusal: Option<StoreError>,
}

/// A key as it is known somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) revision: u64,
    /// What it takes in memory, in bytes.
    pub(super) weight: u64,
    pub(super) expires_ms: Option<u64>,
}

/// The last write under way of one key.
pub(super) struct Pending {
    sequence: u64,
    /// What the key will be; `None` when it will be absent.
    pub(super) known: Option<Known>,
}

/// What writes under way add and take away when they are applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) bytes_added: u64,
    pub(super) bytes_removed: u64,
    pub(super) keys_added: u64,
    pub(super) keys_removed: u64,
}

/// What is applied, in numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) bytes: u64,
    pub(super) keys: u64,
}

impl Known {
    pub(super) fn of(entry: &Packed) -> Self {
        Self { revision: entry.revision(), weight: entry.weight(), expires_ms: entry.expires_ms() }
    }

    /// Whether its deadline has come; the log will be told so.
    pub(super) fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|deadline| deadline <= now_ms)
    }
}

impl Head {
    pub(super) fn new(tail: u64, limits: StoreLimits) -> Self {
        Self {
            tail,
            term: 0,
            pending: HashMap::default(),
            requests: HashMap::default(),
            delta: Delta::default(),
            limits,
            closed: false,
            refusal: None,
        }
    }

    pub(super) fn tail(&self) -> u64 {
        self.tail
    }

    pub(super) fn term(&self) -> u64 {
        self.term
    }

    /// The last write under way of this key.
    pub(super) fn pending(&self, key: &[u8]) -> Option<&Pending> {
        // Mostly nothing of a key is under way, and often nothing at all.
        if self.pending.is_empty() { None } else { self.pending.get(key) }
    }

    /// Whether a request of this name is under way, and if so, what that means for another one.
    pub(super) fn under_way(&self, request: &RequestId) -> Option<StoreError> {
        let fingerprint = self.requests.get(&request.id)?;
        Some(if *fingerprint == request.fingerprint {
            StoreError::RequestInFlight
        } else {
            StoreError::RequestDiffers
        })
    }

    /// Notes a plan that was given to the log.
    pub(super) fn accept(&mut self, plan: &Plan, request: Option<&RequestId>) {
        self.tail += 1;
        self.delta.add(plan.delta);
        for (change, known) in plan.record.changes.iter().zip(&plan.known) {
            self.pending.insert(change.key.clone(), Pending { sequence: self.tail, known: *known });
        }
        if let Some(request) = request {
            self.requests.insert(request.id.clone(), request.fingerprint);
        }
    }

    /// Notes that the entry with this sequence is applied.
    pub(super) fn applied<'a>(
        &mut self,
        sequence: u64,
        keys: impl Iterator<Item = &'a Bytes>,
        request: Option<&RequestId>,
        delta: Delta,
    ) {
        self.delta.take(delta);
        for key in keys {
            if self.pending.get(key).is_some_and(|pending| pending.sequence == sequence) {
                self.pending.remove(key);
            }
        }
        if let Some(request) = request {
            self.requests.remove(&request.id);
        }
        self.refusal = None;
    }

    /// Forgets everything under way: the log refused it, and ends at `tail`.
    pub(super) fn reset(&mut self, tail: u64, refusal: Option<StoreError>) {
        self.tail = tail;
        self.term += 1;
        self.delta = Delta::default();
        self.pending.clear();
        self.requests.clear();
        self.refusal = refusal;
    }

    /// Whether new requests are taken.
    pub(super) fn open(&self) -> Result<(), StoreError> {
        if self.closed { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// Takes no new requests from here on; false when it did so already.
    pub(super) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true)
    }

    /// Why the last write was not taken.
    pub(super) fn writable(&self) -> Result<(), StoreError> {
        self.refusal.clone().map_or_else(|| self.open(), Err)
    }
}

impl Delta {
    fn add(&mut self, other: Self) {
        self.bytes_added += other.bytes_added;
        self.bytes_removed += other.bytes_removed;
        self.keys_added += other.keys_added;
        self.keys_removed += other.keys_removed;
    }

    fn take(&mut self, other: Self) {
        self.bytes_added -= other.bytes_added;
        self.bytes_removed -= other.bytes_removed;
        self.keys_added -= other.keys_added;
        self.keys_removed -= other.keys_removed;
    }
}

/// What each key of a plan will be.
pub(super) type AllKnown = SmallVec<[Option<Known>; 1]>;

#[cfg(test)]
mod tests;
