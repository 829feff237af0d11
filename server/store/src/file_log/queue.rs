//! What waits for the log thread. Callers encode their records straight into the bytes that will be written, so the
//! thread does nothing but write.

use std::sync::{Arc, mpsc};

use parking_lot::{Condvar, Mutex};

use super::format::{BATCH_HEADER, encode};
use crate::{AppendError, Appended, Begin, Change, Effect, Promise, Record};

/// Batches are merged up to this size in bytes; a larger one is written alone.
const MERGED_BYTES: usize = 4 << 20;

/// Records that are written as one batch.
pub(super) struct Chunk {
    /// Room for the batch header, then the encoded records.
    pub(super) bytes: Vec<u8>,
    pub(super) first_sequence: u64,
    pub(super) count: u32,
    /// Whether all of it only takes keys away: what a full volume is made to have room again with.
    pub(super) removes: bool,
    /// To everybody who waits.
    pub(super) promise: Promise,
}

/// What the thread is asked to do besides, behind all chunks that wait.
pub(super) struct Errand {
    pub(super) what: Task,
    answer: mpsc::SyncSender<Result<(), AppendError>>,
}

/// What an errand is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Go on in a new segment, unless the present one is empty.
    Roll,
    /// Make durable what is written.
    Sync,
}

/// What the thread does next.
pub(super) struct Work {
    pub(super) chunks: Vec<Chunk>,
    pub(super) errand: Option<Errand>,
}

/// What waits, and whether more may come.
pub(super) struct Queue {
    pub(super) chunks: Vec<Chunk>,
    /// At most one, since there is one compaction at a time.
    errand: Option<Errand>,
    /// Whether somebody waits for the chunks, so that they are to be written.
    begun: bool,
    /// The sequence of the last record in it, or in the log.
    tail: u64,
    spare: Vec<u8>,
    closing: bool,
    /// Why nothing is taken any more.
    failure: Option<String>,
}

/// A queue and the thread's bell.
pub(super) struct Waiting {
    queue: Mutex<Queue>,
    bell: Condvar,
}

impl Queue {
    pub(super) fn new(tail: u64) -> Self {
        Self {
            chunks: Vec::new(),
            errand: None,
            begun: false,
            tail,
            spare: Vec::new(),
            closing: false,
            failure: None,
        }
    }

    /// Whether the thread has something to do.
    fn has_work(&self) -> bool {
        let written = self.begun || self.closing;
        (written && !self.chunks.is_empty()) || self.errand.is_some()
    }

    fn append(
        &mut self,
        expected_tail: u64,
        batch: &[Record],
        begin: &Arc<Waiting>,
    ) -> Result<Appended, AppendError> {
        if let Some(message) = &self.failure {
            return Err(AppendError::Failed { message: message.clone() });
        }
        if self.closing {
            return Err(AppendError::Closed);
        }
        if expected_tail != self.tail {
            return Err(AppendError::Conflict { tail: self.tail });
        }
        if self.chunks.last().is_none_or(|chunk| chunk.bytes.len() >= MERGED_BYTES) {
            // What is before it is enough to be written.
            self.begun |= !self.chunks.is_empty();
            let mut bytes = std::mem::take(&mut self.spare);
            bytes.clear();
            bytes.resize(BATCH_HEADER, 0);
            let first_sequence = self.tail + 1;
            self.chunks.push(Chunk {
                bytes,
                first_sequence,
                count: 0,
                removes: true,
                promise: Promise::begun_by(Arc::<Waiting>::clone(begin)),
            });
        }
        // There is one now.
        let Some(chunk) = self.chunks.last_mut() else { return Err(AppendError::Closed) };
        for record in batch {
            self.tail += 1;
            encode(&mut chunk.bytes, self.tail, record);
            chunk.count += 1;
            chunk.removes &= removes(record);
        }
        Ok(chunk.promise.append(self.tail))
    }

    /// Refuses what waits: the log ends at `tail`, so nothing behind it can follow.
    fn rewind(&mut self, tail: u64) {
        self.tail = tail;
        for chunk in self.chunks.drain(..) {
            chunk.promise.keep(Err(AppendError::Conflict { tail }));
        }
    }
}

/// Whether a record does nothing but take keys away.
fn removes(record: &Record) -> bool {
    let is_put = |change: &Change| matches!(change.effect, Effect::Put { .. });
    !record.changes.is_empty() && !record.changes.iter().any(is_put)
}

impl Errand {
    pub(super) fn answer(self, done: Result<(), AppendError>) {
        // Whoever asked may have left.
        let _ = self.answer.send(done);
    }
}

impl Begin for Waiting {
    fn begin(&self) {
        self.queue.lock().begun = true;
        self.bell.notify_one();
    }
}

impl Waiting {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue: Mutex::new(queue), bell: Condvar::new() }
    }

    /// Queues a batch. It is written when somebody waits for one that is queued, or nobody will: by then others may have
    /// come, and one sync does for all of them.
    pub(super) fn append(
        self: &Arc<Self>,
        expected_tail: u64,
        batch: &[Record],
    ) -> Result<Appended, AppendError> {
        let mut queue = self.queue.lock();
        let appended = queue.append(expected_tail, batch, self);
        if queue.begun {
            self.bell.notify_one();
        }
        appended
    }

    /// Has the thread go on in a new segment. Blocks.
    pub(super) fn roll(&self) -> Result<(), AppendError> {
        self.run(Task::Roll)
    }

    /// Has the thread make durable what is written. Blocks.
    pub(super) fn sync(&self) -> Result<(), AppendError> {
        self.run(Task::Sync)
    }

    fn run(&self, what: Task) -> Result<(), AppendError> {
        let (answer, done) = mpsc::sync_channel(1);
        {
            let mut queue = self.queue.lock();
            if let Some(message) = &queue.failure {
                return Err(AppendError::Failed { message: message.clone() });
            }
            if queue.closing {
                return Err(AppendError::Closed);
            }
            queue.errand = Some(Errand { what, answer });
        }
        self.bell.notify_one();
        // The thread answers everything it takes, and all that waits when it fails.
        done.recv().unwrap_or(Err(AppendError::Closed))
    }

    /// Takes nothing more; the thread ends when it has written the rest.
    pub(super) fn close(&self) {
        self.queue.lock().closing = true;
        self.bell.notify_one();
    }

    /// Why nothing is taken any more, if something failed.
    pub(super) fn failure(&self) -> Option<String> {
        self.queue.lock().failure.clone()
    }

    /// Waits for work and takes all of it; none when `until` has come, `None` when the queue is closed and empty.
    pub(super) fn take(&self, until: Option<std::time::Instant>) -> Option<Work> {
        let mut queue = self.queue.lock();
        while !queue.has_work() {
            if queue.closing {
                return None;
            }
            match until {
                None => self.bell.wait(&mut queue),
                Some(until) => {
                    if self.bell.wait_until(&mut queue, until).timed_out() {
                        break;
                    }
                }
            }
        }
        queue.begun = false;
        Some(Work { chunks: std::mem::take(&mut queue.chunks), errand: queue.errand.take() })
    }

    /// Gives back the room of a written chunk, unless it is large.
    pub(super) fn recycle(&self, bytes: Vec<u8>) {
        if bytes.capacity() <= MERGED_BYTES {
            self.queue.lock().spare = bytes;
        }
    }

    /// The log did not take these: refuses them, and what waits behind them. It ends at `tail`.
    pub(super) fn refuse(&self, chunks: Vec<Chunk>, error: &AppendError, tail: u64) {
        let errand = {
            let mut queue = self.queue.lock();
            queue.rewind(tail);
            match error {
                AppendError::Failed { message } => {
                    queue.failure = Some(message.clone());
                    queue.errand.take()
                }
                _ => None,
            }
        };
        if let Some(errand) = errand {
            errand.answer(Err(error.clone()));
        }
        for chunk in chunks {
            chunk.promise.keep(Err(error.clone()));
        }
    }
}
