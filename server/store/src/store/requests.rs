//! Requests whose outcome is given again when they are repeated (the Idempotency-Key draft of the IETF's HTTPAPI group).
//! They are written to the log with their changes, so a crash between the write and its answer loses neither.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use foldhash::quality::RandomState;

use crate::{Record, Remembered};

/// A request's name and a digest of what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    /// The client's name for it: from 1 to 255 bytes.
    pub id: Bytes,
    /// A digest of the request, to tell another one of the same name.
    pub fingerprint: [u8; 16],
}

/// The longest name of a request, in bytes.
pub(super) const ID_BYTES: usize = 255;

/// What one takes in memory besides its bytes, estimated.
const OVERHEAD: u64 = 160;

/// A request that took effect.
pub(super) struct Done {
    pub(super) revision: u64,
    pub(super) written_ms: u64,
    pub(super) remembered: Remembered,
}

/// All that are remembered.
#[derive(Default)]
pub(super) struct Requests {
    by_id: HashMap<Bytes, Arc<Done>, RandomState>,
    /// In the order of the log, which is the order in which their windows end.
    in_order: VecDeque<Arc<Done>>,
    bytes: u64,
}

impl Requests {
    pub(super) fn get(&self, id: &[u8]) -> Option<&Done> {
        self.by_id.get(id).map(Arc::as_ref)
    }

    /// What they take in memory, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn remember(&mut self, revision: u64, written_ms: u64, remembered: &Remembered) {
        // Detached from the chunk of the log that it was read in, or the connection's buffer.
        let id = Bytes::copy_from_slice(&remembered.id);
        let remembered = Remembered { id: id.clone(), ..remembered.clone() };
        self.bytes += weight(&remembered);
        let done = Arc::new(Done { revision, written_ms, remembered });
        // The name was free again, or it would not have been taken: what it stood for before is only in the queue.
        self.by_id.insert(id, Arc::clone(&done));
        self.in_order.push_back(done);
    }

    /// Forgets those from before `ms`.
    pub(super) fn forget_before(&mut self, ms: u64) {
        while let Some(done) = self.in_order.pop_front_if(|done| done.written_ms < ms) {
            self.bytes -= weight(&done.remembered);
            if self.by_id.get(&done.remembered.id).is_some_and(|held| Arc::ptr_eq(held, &done)) {
                self.by_id.remove(&done.remembered.id);
            }
        }
    }

    /// All of them, as records without changes.
    pub(super) fn records(&self) -> Vec<(u64, Record)> {
        let record = |done: &Arc<Done>| Record {
            written_ms: done.written_ms,
            changes: crate::Changes::new(),
            remembered: Some(Box::new(done.remembered.clone())),
        };
        self.in_order.iter().map(|done| (done.revision, record(done))).collect()
    }
}

/// What remembering a request takes in memory, in bytes.
pub(super) fn weight(remembered: &Remembered) -> u64 {
    OVERHEAD + (remembered.id.len() + remembered.existed.len()) as u64
}
