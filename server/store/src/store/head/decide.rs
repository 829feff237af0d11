//! What becomes of a request: a pure function of the head, of what is applied, and of the time.

use std::time::Duration;

use super::{AllKnown, Delta, Head, Known, Totals};
use crate::{
    Change, Changes, Effect, Record, Remembered,
    store::{
        Action, FailedCondition, StoreError,
        entry::weight,
        request::{Existed, Intent, Outcome, Request, What},
        requests,
    },
};

/// What is to be done with a request.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Decision {
    /// Its record is to be appended.
    Write(Plan),
    /// It changes nothing, since every key is absent already.
    Nothing(Existed),
    /// It was done before.
    Done(Outcome),
    /// It is refused.
    Refuse(StoreError),
}

/// A record and what it will have done.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Plan {
    pub(in crate::store) record: Record,
    pub(in crate::store) existed: Existed,
    pub(in crate::store) delta: Delta,
    /// What each key of the record will be.
    pub(in crate::store) known: AllKnown,
}

impl Head {
    /// Decides a request at `now_ms`, where `current` knows each key, and `applied` is what is applied.
    pub(in crate::store) fn decide(
        &self,
        request: &Request,
        now_ms: u64,
        mut current: impl FnMut(&[u8]) -> Option<Known>,
        applied: Totals,
    ) -> Decision {
        let failed: Vec<_> = request
            .conditions
            .iter()
            .enumerate()
            .filter_map(|(index, (key, condition))| {
                let present = current(key).filter(|known| !known.is_expired(now_ms));
                let current = present.map(|known| known.revision);
                (!condition.holds(current)).then_some(FailedCondition { index, current })
            })
            .collect();
        if !failed.is_empty() {
            return Decision::Refuse(StoreError::ConditionsFailed { failed });
        }
        let mut plan = Plan {
            record: Record { written_ms: now_ms, changes: Changes::new(), remembered: None },
            existed: Existed::new(),
            delta: Delta::default(),
            known: AllKnown::new(),
        };
        for intent in &request.intents {
            plan.add(intent, current(&intent.key), self.tail() + 1);
        }
        if let Some(id) = &request.id {
            let existed = plan.existed.as_slice().into();
            let remembered = Remembered { id: id.id.clone(), fingerprint: id.fingerprint, existed };
            plan.delta.bytes_added += requests::weight(&remembered);
            plan.record.remembered = Some(Box::new(remembered));
        } else if plan.record.changes.is_empty() {
            return Decision::Nothing(plan.existed);
        }
        match self.room(&plan.delta, applied) {
            Ok(()) => Decision::Write(plan),
            Err(error) => Decision::Refuse(error),
        }
    }

    /// Whether the limits leave room. What makes the store smaller is taken even when it is over them.
    fn room(&self, delta: &Delta, applied: Totals) -> Result<(), StoreError> {
        let after = |applied: u64, added: u64, removed: u64| (applied + added).saturating_sub(removed);
        let under_way = &self.delta;
        if delta.bytes_added > delta.bytes_removed {
            let (added, removed) =
                (under_way.bytes_added + delta.bytes_added, under_way.bytes_removed + delta.bytes_removed);
            if after(applied.bytes, added, removed) > self.limits.memory_bytes {
                return Err(StoreError::MemoryFull { limit: self.limits.memory_bytes });
            }
        }
        if delta.keys_added > delta.keys_removed {
            let (added, removed) =
                (under_way.keys_added + delta.keys_added, under_way.keys_removed + delta.keys_removed);
            if after(applied.keys, added, removed) > self.limits.keys {
                return Err(StoreError::KeysFull { limit: self.limits.keys });
            }
        }
        Ok(())
    }
}

impl Plan {
    /// Adds what is to become of a key that is `current` now, by the entry `sequence`.
    fn add(&mut self, intent: &Intent, current: Option<Known>, sequence: u64) {
        let now_ms = self.record.written_ms;
        let existed = current.is_some_and(|known| !known.is_expired(now_ms));
        self.existed.push(existed);
        let (effect, known) = match &intent.what {
            What::Act(Action::Put { value, media_type, ttl }) => {
                let expires_ms = ttl.map(|ttl| now_ms.saturating_add(milliseconds(ttl)));
                let weight = weight(&intent.key, value, media_type.as_deref(), expires_ms.is_some());
                let effect = Effect::Put { value: value.clone(), media_type: media_type.clone(), expires_ms };
                (effect, Some(Known { revision: sequence, weight, expires_ms }))
            }
            // A key whose deadline has come is as good as absent, and its expiry is written by and by.
            What::Act(Action::Delete) if existed => (Effect::Delete, None),
            What::Expire(revision) if current.is_some_and(|known| known.revision == *revision) => {
                (Effect::Expire, None)
            }
            What::Act(Action::Delete) | What::Expire(_) => return,
        };
        self.delta.bytes_added += known.map_or(0, |known| known.weight);
        self.delta.bytes_removed += current.map_or(0, |known| known.weight);
        self.delta.keys_added += u64::from(known.is_some());
        self.delta.keys_removed += u64::from(current.is_some());
        self.known.push(known);
        self.record.changes.push(Change { key: intent.key.clone(), effect });
    }
}

fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}
