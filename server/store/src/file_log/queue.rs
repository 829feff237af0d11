//! What waits for the log thread. Callers encode their records straight into the bytes that will be written, so the
//! thread does nothing but write.

use std::sync::mpsc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::format::{BATCH_HEADER, encode};
use crate::{AppendError, Change, Effect, Record};

/// Batches are merged up to this size in bytes; a larger one is written alone.
const MERGED_BYTES: usize = 4 << 20;

/// What a caller is told in the end.
pub(super) type Answer = oneshot::Sender<Result<u64, AppendError>>;

/// Records that are written as one batch.
pub(super) struct Chunk {
    /// Room for the batch header, then the encoded records.
    pub(super) bytes: Vec<u8>,
    pub(super) first_sequence: u64,
    pub(super) count: u32,
    /// Whether all of it only takes keys away: what a full volume is made to have room again with.
    pub(super) removes: bool,
    /// Who waits, with the tail each one made.
    pub(super) answers: Vec<(u64, Answer)>,
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
        Self { chunks: Vec::new(), errand: None, tail, spare: Vec::new(), closing: false, failure: None }
    }

    fn append(
        &mut self,
        expected_tail: u64,
        batch: &[Record],
    ) -> Result<oneshot::Receiver<Result<u64, AppendError>>, AppendError> {
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
            let mut bytes = std::mem::take(&mut self.spare);
            bytes.clear();
            bytes.resize(BATCH_HEADER, 0);
            let first_sequence = self.tail + 1;
            self.chunks.push(Chunk { bytes, first_sequence, count: 0, removes: true, answers: Vec::new() });
        }
        let (answer, receiver) = oneshot::channel();
        if let Some(chunk) = self.chunks.last_mut() {
            for record in batch {
                self.tail += 1;
                encode(&mut chunk.bytes, self.tail, record);
                chunk.count += 1;
                chunk.removes &= removes(record);
            }
            chunk.answers.push((self.tail, answer));
        }
        Ok(receiver)
    }

    /// Refuses what waits: the log ends at `tail`, so nothing behind it can follow.
    fn rewind(&mut self, tail: u64) {
        self.tail = tail;
        for chunk in self.chunks.drain(..) {
            chunk.refuse(&AppendError::Conflict { tail });
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

impl Chunk {
    /// Tells everybody that the log vouches for it. In reverse, because one task waits for all of them in order: it
    /// wakes when everything is there, once.
    pub(super) fn acknowledge(self) {
        for (tail, answer) in self.answers.into_iter().rev() {
            // The caller may have left.
            let _ = answer.send(Ok(tail));
        }
    }

    /// Tells everybody that it is not in the log.
    pub(super) fn refuse(self, error: &AppendError) {
        for (_, answer) in self.answers.into_iter().rev() {
            let _ = answer.send(Err(error.clone()));
        }
    }
}

impl Waiting {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue: Mutex::new(queue), bell: Condvar::new() }
    }

    pub(super) fn append(
        &self,
        expected_tail: u64,
        batch: &[Record],
    ) -> Result<oneshot::Receiver<Result<u64, AppendError>>, AppendError> {
        let receiver = self.queue.lock().append(expected_tail, batch);
        self.bell.notify_one();
        receiver
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
        while queue.chunks.is_empty() && queue.errand.is_none() {
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
        Some(Work { chunks: std::mem::take(&mut queue.chunks), errand: queue.errand.take() })
    }

    pub(super) fn is_empty(&self) -> bool {
        let queue = self.queue.lock();
        queue.chunks.is_empty() && queue.errand.is_none()
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
            chunk.refuse(error);
        }
    }
}
