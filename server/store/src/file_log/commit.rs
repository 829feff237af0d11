//! The log thread: takes what waits, writes it, syncs once, acknowledges. While it syncs, the next group gathers; it
//! never waits to make a group larger.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    Step,
    options::Sync,
    queue::{Chunk, Errand, Task, Waiting, Work},
    vouched::Vouched,
    writer::Writer,
};
use crate::AppendError;

/// After so long without a write, what is durable is marked so. A write that follows soon says it by itself.
const MARK_AFTER: Duration = Duration::from_millis(10);

pub(super) struct Committer {
    writer: Writer,
    queue: Arc<Waiting>,
    vouching: watch::Sender<Vouched>,
    sync: Sync,
    /// When what is written has to be made durable.
    due: Option<Instant>,
    /// Whether the last group found the volume full.
    full: bool,
}

impl Committer {
    pub(super) fn new(
        writer: Writer,
        queue: Arc<Waiting>,
        vouching: watch::Sender<Vouched>,
        sync: Sync,
    ) -> Self {
        Self { writer, queue, vouching, sync, due: None, full: false }
    }

    /// Runs until the queue is closed and empty, or something failed.
    pub(super) fn run(mut self) {
        let ended = self.commit_all();
        if let Err(error) = ended {
            tracing::error!(%error, "The log failed. It refuses writes; reads go on.");
            let tail = self.vouching.borrow().tail;
            self.queue.refuse(Vec::new(), &error, tail);
        }
        // The directory is free before anybody hears of the end.
        let Self { writer, vouching, .. } = self;
        drop(writer);
        vouching.send_modify(|vouched| vouched.open = false);
    }

    fn commit_all(&mut self) -> Result<(), AppendError> {
        while let Some(Work { chunks, errand }) = self.queue.take(self.wake()) {
            let idle = chunks.is_empty() && errand.is_none();
            if !chunks.is_empty()
                && let Err(error) = self.commit(chunks)
            {
                if let Some(errand) = errand {
                    errand.answer(Err(error.clone()));
                }
                return Err(error);
            }
            if let Some(errand) = errand {
                self.go(errand)?;
            }
            if self.due.is_some_and(|due| due <= Instant::now()) {
                self.writer.sync()?;
                self.due = None;
            }
            if idle && self.writer.needs_mark() {
                self.writer.mark()?;
            }
        }
        self.writer.sync()?;
        self.writer.seal()
    }

    /// Writes a group and vouches for it. What a full volume refuses is answered here; any other error ends the log.
    fn commit(&mut self, chunks: Vec<Chunk>) -> Result<(), AppendError> {
        let mut chunks = chunks.into_iter();
        let mut written = Vec::with_capacity(chunks.len());
        let mut refused = None;
        for mut chunk in chunks.by_ref() {
            match self.writer.write(&mut chunk) {
                Ok(()) => written.push(chunk),
                Err(error) => {
                    refused = Some((chunk, error));
                    break;
                }
            }
        }
        let synced = match (&refused, self.sync) {
            (Some((_, error @ AppendError::Failed { .. })), _) => Err(error.clone()),
            (_, Sync::Always) => self.writer.sync(),
            (_, Sync::Interval(interval)) => {
                self.vouch_within(interval);
                Ok(())
            }
            (_, Sync::Never) => Ok(()),
        };
        if let Err(error) = synced {
            let all = written.into_iter().chain(refused.map(|(chunk, _)| chunk)).chain(chunks).collect();
            let tail = self.vouching.borrow().tail;
            self.queue.refuse(all, &error, tail);
            return Err(error);
        }
        self.writer.step(Step::BeforeAcknowledge);
        let tail = self.writer.written();
        self.vouching.send_modify(|vouched| vouched.tail = tail);
        for mut chunk in written {
            let bytes = std::mem::take(&mut chunk.bytes);
            chunk.promise.keep(Ok(()));
            self.queue.recycle(bytes);
        }
        // Said once each way: a full volume refuses every write of every client.
        match (&refused, std::mem::replace(&mut self.full, refused.is_some())) {
            (Some((_, error)), false) => {
                tracing::warn!(%error, "The log volume is full. Writes are refused; reads go on.");
            }
            (None, true) => tracing::info!("The log volume has room again. Writes are taken."),
            _ => {}
        }
        if let Some((chunk, error)) = refused {
            self.queue.refuse(std::iter::once(chunk).chain(chunks).collect(), &error, tail);
        }
        Ok(())
    }

    /// A full volume is the errand's own affair; any other error ends the log.
    fn go(&mut self, errand: Errand) -> Result<(), AppendError> {
        let done = match errand.what {
            Task::Roll => self.writer.begin_segment(),
            Task::Sync => self.writer.sync(),
        };
        errand.answer(done.clone());
        match done {
            Err(error @ AppendError::Failed { .. }) => Err(error),
            _ => Ok(()),
        }
    }

    /// When there is something to do though nobody asks.
    fn wake(&self) -> Option<Instant> {
        let mark = self.writer.needs_mark().then(|| Instant::now() + MARK_AFTER);
        self.due.into_iter().chain(mark).min()
    }

    fn vouch_within(&mut self, interval: Duration) {
        if !self.writer.is_durable() && self.due.is_none() {
            self.due = Instant::now().checked_add(interval);
        }
    }
}
