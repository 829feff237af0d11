//! What callers and the applier share, and the one place where a request is decided.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};

use super::{
    Clock, StoreError,
    flight::{Flight, Reply, Step, Written},
    head::{Decision, Head, Totals},
    index::Index,
    request::{Outcome, Request},
    requests::{Done, RequestId},
};
use crate::TransactionLog;

pub(super) struct Shared {
    /// Held for the length of one decision; never while waiting.
    pub(super) head: Mutex<Head>,
    /// What is applied.
    pub(super) index: Index,
    pub(super) log: Box<dyn TransactionLog>,
    pub(super) clock: Clock,
    /// How long the outcome of a named request is remembered.
    pub(super) request_window: Duration,
    /// The last revision applied, for those who wait for the next.
    pub(super) applied: watch::Sender<u64>,
    /// Rung when a deadline may be nearer than the one that is waited for.
    pub(super) nearer_deadline: Arc<Notify>,
    /// Rung when the log has found its volume full.
    pub(super) full: Arc<Notify>,
    pub(super) compactions: Compactions,
}

/// How often the log was compacted, or was not when it should have been.
#[derive(Default)]
pub(super) struct Compactions {
    pub(super) done: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Shared {
    /// Why the log takes no writes, as far as anybody knows.
    pub(super) fn writable(&self) -> Result<(), StoreError> {
        let failure = self.log.failure().map(StoreError::from);
        failure.map_or_else(|| self.head.lock().writable(), Err)
    }

    /// Decides a request at the head and gives its record to the log in the same step. Returns the flight the
    /// applier has to see through; without one, the reply was given.
    pub(super) fn decide(
        &self,
        head: &mut Head,
        request: Request,
        reply: Reply,
        permit: OwnedSemaphorePermit,
    ) -> Option<Box<Flight>> {
        let now_ms = (self.clock)();
        let mut saw_pending = false;
        let decision = self.known_outcome(head, &request, now_ms).unwrap_or_else(|| {
            let current = |key: &[u8]| match head.pending(key) {
                Some(pending) => {
                    saw_pending = true;
                    pending.known
                }
                None => self.index.known(key),
            };
            let applied = Totals { bytes: self.index.memory_bytes(), keys: self.index.keys() };
            head.decide(&request, now_ms, current, applied)
        });
        let seen = match decision {
            Decision::Write(plan) => {
                let appended = self.log.append(head.term(), head.tail(), std::slice::from_ref(&plan.record));
                head.accept(&plan, request.id.as_ref());
                let outcome = Outcome { revision: head.tail(), existed: plan.existed, repeated: false };
                let written = Written { record: plan.record, outcome, delta: plan.delta, appended };
                return Some(Box::new(Flight { request, step: Step::Written(written), reply, permit }));
            }
            Decision::Nothing(existed) => Ok(Outcome { revision: head.tail(), existed, repeated: false }),
            Decision::Done(outcome) => Ok(outcome),
            Decision::Refuse(error) => Err(error),
        };
        // What was seen in a write under way may still be lost; it is answered after that write.
        if saw_pending {
            return Some(Box::new(Flight { request, step: Step::Seen(seen), reply, permit }));
        }
        // The caller may have left.
        let _ = reply.send(seen);
        None
    }

    /// What a request of the same name has done, or does at present.
    fn known_outcome(&self, head: &Head, request: &Request, now_ms: u64) -> Option<Decision> {
        let id = request.id.as_ref()?;
        if let Some(error) = head.under_way(id) {
            return Some(Decision::Refuse(error));
        }
        let window_ms = u64::try_from(self.request_window.as_millis()).unwrap_or(u64::MAX);
        self.index.sequenced(|sequenced| {
            let done = sequenced.requests.get(&id.id)?;
            (done.written_ms.saturating_add(window_ms) > now_ms).then(|| repeated(done, id))
        })
    }
}

fn repeated(done: &Done, id: &RequestId) -> Decision {
    if done.remembered.fingerprint != id.fingerprint {
        return Decision::Refuse(StoreError::RequestDiffers);
    }
    let existed = done.remembered.existed.iter().copied().collect();
    Decision::Done(Outcome { revision: done.revision, existed, repeated: true })
}
