//! What callers and the applier share, and the one place where an operation is decided.

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    StoreError,
    entry::weight,
    flight::{Flight, Operation, Outcome, Reply, Step},
    head::{Decision, Head},
    index::Index,
};
use crate::{Change, TransactionLog};

pub(super) struct Shared {
    /// Held for the length of one decision; never while waiting.
    pub(super) head: Mutex<Head>,
    /// What is applied.
    pub(super) index: Index,
    pub(super) log: Box<dyn TransactionLog>,
}

impl Shared {
    /// Why the log takes no writes, as far as anybody knows.
    pub(super) fn writable(&self) -> Result<(), StoreError> {
        let failure = self.log.failure().map(StoreError::from);
        failure.map_or_else(|| self.head.lock().writable(), Err)
    }

    /// Decides an operation at the head and gives its record to the log in the same step. Returns the flight the
    /// applier has to see through; without one, the reply was given.
    pub(super) fn decide(
        &self,
        head: &mut Head,
        operation: Operation,
        reply: Reply,
        permit: OwnedSemaphorePermit,
    ) -> Option<Flight> {
        let record = &operation.record;
        let pending = head.pending(&record.key).map(|pending| pending.known);
        let current = pending.unwrap_or_else(|| self.index.known(&record.key));
        let weight = match &record.change {
            Change::Put { value, media_type, .. } => Some(weight(&record.key, value, media_type.as_deref())),
            Change::Delete => None,
        };
        let existed = current.is_some();
        let seen = match head.decide(&operation.condition, &record.change, current, weight.unwrap_or(0)) {
            Decision::Write => {
                let appended = self.log.append(head.term(), head.tail(), std::slice::from_ref(record));
                let sequence = head.accept(record.key.clone(), current, weight);
                let outcome = Outcome { revision: sequence, existed };
                return Some(Flight {
                    operation,
                    step: Step::Written { sequence, outcome, appended },
                    reply,
                    permit,
                });
            }
            Decision::Nothing => Ok(Outcome { revision: head.tail(), existed }),
            Decision::Refuse(error) => Err(error),
        };
        // What was seen in a write under way may still be lost; it is answered after that write.
        if pending.is_some() {
            return Some(Flight { operation, step: Step::Seen(seen), reply, permit });
        }
        // The caller may have left.
        let _ = reply.send(seen);
        None
    }
}
