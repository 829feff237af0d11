//! The head of the log: everything accepted, durable or not. Decisions are made here, by pure functions of it;
//! it does no IO and never waits.

use std::collections::HashMap;

use bytes::Bytes;
use foldhash::quality::RandomState;

use super::{Condition, StoreError};
use crate::Change;

/// What is accepted but not yet applied, and what memory will be taken when it is.
pub(super) struct Head {
    /// The sequence of the last record given to the log.
    tail: u64,
    /// How many refusals of the log were taken note of.
    term: u64,
    /// The last write under way of each key that has one.
    pending: HashMap<Bytes, Pending, RandomState>,
    memory_bytes: u64,
    memory_limit: u64,
    closed: bool,
    refusal: Option<StoreError>,
}

/// A key as it is known somewhere: its revision and what it weighs in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) revision: u64,
    pub(super) weight: u64,
}

/// The last write under way of one key.
pub(super) struct Pending {
    sequence: u64,
    /// What the key will be; `None` after a delete.
    pub(super) known: Option<Known>,
}

/// What is to be done with an operation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Its record is to be appended.
    Write,
    /// It changes nothing, since the key is absent.
    Nothing,
    /// It is refused.
    Refuse(StoreError),
}

impl Head {
    pub(super) fn new(tail: u64, memory_bytes: u64, memory_limit: u64) -> Self {
        Self {
            tail,
            term: 0,
            pending: HashMap::default(),
            memory_bytes,
            memory_limit,
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
        self.pending.get(key)
    }

    /// Decides a change of a key in the state `current`, which would then weigh `weight`.
    pub(super) fn decide(
        &self,
        condition: &Condition,
        change: &Change,
        current: Option<Known>,
        weight: u64,
    ) -> Decision {
        let revision = current.map(|known| known.revision);
        if !condition.holds(revision) {
            return Decision::Refuse(StoreError::ConditionFailed { current: revision });
        }
        match (change, current) {
            (Change::Delete, None) => Decision::Nothing,
            (Change::Delete, Some(_)) => Decision::Write,
            (Change::Put { .. }, current) => {
                let before = current.map_or(0, |known| known.weight);
                // What makes an entry smaller is taken even when replay went over the limit.
                if weight > before && self.memory_bytes - before + weight > self.memory_limit {
                    Decision::Refuse(StoreError::MemoryFull { limit: self.memory_limit })
                } else {
                    Decision::Write
                }
            }
        }
    }

    /// Notes a write that was given to the log; returns its sequence.
    pub(super) fn accept(&mut self, key: Bytes, before: Option<Known>, weight: Option<u64>) -> u64 {
        self.tail += 1;
        let sequence = self.tail;
        self.memory_bytes += weight.unwrap_or(0);
        self.memory_bytes -= before.map_or(0, |known| known.weight);
        let known = weight.map(|weight| Known { revision: sequence, weight });
        self.pending.insert(key, Pending { sequence, known });
        sequence
    }

    /// Notes that the write with this sequence is applied.
    pub(super) fn applied(&mut self, key: &[u8], sequence: u64) {
        if self.pending.get(key).is_some_and(|pending| pending.sequence == sequence) {
            self.pending.remove(key);
        }
        self.refusal = None;
    }

    /// Forgets everything under way: the log refused it, and ends at `tail`.
    pub(super) fn reset(&mut self, tail: u64, memory_bytes: u64, refusal: Option<StoreError>) {
        self.tail = tail;
        self.term += 1;
        self.memory_bytes = memory_bytes;
        self.pending.clear();
        self.refusal = refusal;
    }

    /// Whether new operations are taken.
    pub(super) fn open(&self) -> Result<(), StoreError> {
        if self.closed { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// Takes no new operations from here on; false when it did so already.
    pub(super) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true)
    }

    /// Why the last write was not taken.
    pub(super) fn writable(&self) -> Result<(), StoreError> {
        self.refusal.clone().map_or_else(|| self.open(), Err)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Decision, Head, Known};
    use crate::{Change, Condition, StoreError};

    fn put() -> Change {
        Change::Put { value: Bytes::new(), media_type: None, expires_ms: None }
    }

    #[test]
    fn memory_is_refused_by_what_is_accepted_not_by_what_is_applied() {
        let mut head = Head::new(0, 0, 100);
        assert_eq!(head.decide(&Condition::None, &put(), None, 60), Decision::Write);
        head.accept(Bytes::from_static(b"a"), None, Some(60));
        let refused = Decision::Refuse(StoreError::MemoryFull { limit: 100 });
        assert_eq!(head.decide(&Condition::None, &put(), None, 41), refused);
        assert_eq!(head.decide(&Condition::None, &put(), None, 40), Decision::Write);
        let a = head.pending(b"a").unwrap().known;
        assert_eq!(
            head.decide(&Condition::None, &put(), a, 100),
            Decision::Write,
            "it replaces its own weight"
        );
    }

    #[test]
    fn over_the_limit_an_entry_may_still_shrink_or_go() {
        let head = Head::new(9, 500, 100);
        let current = Some(Known { revision: 3, weight: 200 });
        assert_eq!(head.decide(&Condition::None, &put(), current, 200), Decision::Write);
        assert_eq!(head.decide(&Condition::None, &Change::Delete, current, 0), Decision::Write);
        assert!(matches!(head.decide(&Condition::None, &put(), current, 201), Decision::Refuse(_)));
    }

    #[test]
    fn a_later_write_under_way_outlives_an_earlier_one() {
        let key = Bytes::from_static(b"k");
        let mut head = Head::new(0, 0, 1000);
        let first = head.accept(key.clone(), None, Some(10));
        let before = head.pending(&key).unwrap().known;
        let second = head.accept(key.clone(), before, None);
        head.applied(&key, first);
        assert_eq!(head.pending(&key).unwrap().known, None, "the delete is still under way");
        head.applied(&key, second);
        assert!(head.pending(&key).is_none());
    }
}
