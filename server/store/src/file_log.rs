//! The log on a volume: an exclusive [`TransactionLog`] in segment files of its own binary format.
//!
//! Callers queue encoded records; one thread writes what is waiting, syncs once, and acknowledges (`commit`). Opening
//! finds the end by the recovery rule (`recovery`); reading back checks every byte it passes on (`reader`).

mod begin;
mod check;
mod commit;
mod compaction;
mod damage;
mod directory;
mod disk;
mod error;
mod excerpt;
mod format;
mod framed;
mod later;
mod manifest;
mod options;
mod queue;
mod reader;
mod recovery;
mod repair;
mod reserve;
mod restore;
mod room;
mod segment;
mod snapshot;
mod step;
mod stream;
mod usage;
mod vouched;
mod writer;

use std::{path::Path, sync::Arc, thread};

use futures::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

pub use self::{
    check::{Report, check, check_in},
    damage::{damage, damage_in},
    directory::{Directory, LogFile},
    excerpt::{Excerpt, ExcerptReader},
    framed::Damage,
    later::{Gap, Later},
    options::{FileLogOptions, Sync, SyncObserver},
    repair::{Repaired, repair, repair_in},
    restore::{Presence, RestoreError, Restored, presence, restore, restore_in},
    room::{Room, room},
    snapshot::{Inspected, SnapshotEncoder, inspect},
    step::{Step, StepObserver},
};
use self::{
    compaction::Compaction,
    disk::DiskDirectory,
    queue::{Queue, Waiting},
    reserve::Reserve,
    stream::Reach,
    usage::Usage,
    vouched::Vouched,
    writer::Writer,
};
use crate::{
    Appended, CompactError, Entries, LogError, LogUsage, Record, StoreId, TakeSnapshot, TransactionLog,
    log::AppendError,
};

/// An exclusive log in a directory.
pub struct FileLog {
    directory: Arc<dyn Directory>,
    queue: Arc<Waiting>,
    vouched: watch::Receiver<Vouched>,
    usage: Arc<Usage>,
    reserve: Arc<Reserve>,
    compaction: Arc<Mutex<Compaction>>,
    store_id: StoreId,
    on_step: Option<StepObserver>,
}

impl FileLog {
    /// Opens the log in `directory`, or begins one there; creates the directory. Blocks while it looks for the end.
    pub fn open(directory: &Path, options: FileLogOptions) -> Result<Self, LogError> {
        Self::open_in(Arc::new(DiskDirectory::lock(directory)?), options)
    }

    /// Like [`open`](Self::open), in a directory of any kind. The caller sees to it that nobody else writes there.
    pub fn open_in(directory: Arc<dyn Directory>, options: FileLogOptions) -> Result<Self, LogError> {
        let (sync, on_step) = (options.sync, options.on_step.clone());
        let usage = Arc::new(Usage::default());
        let reserve = Arc::new(Reserve::new(Arc::clone(&directory), Arc::clone(&usage)));
        let writer = Writer::open(Arc::clone(&directory), options, Arc::clone(&usage), Arc::clone(&reserve))?;
        reserve.resume()?;
        let store_id = writer.store_id();
        let tail = writer.written();
        let queue = Arc::new(Waiting::new(Queue::new(tail)));
        let (vouching, vouched) = watch::channel(Vouched { tail, open: true });
        let committer = commit::Committer::new(writer, Arc::clone(&queue), vouching, sync);
        thread::Builder::new()
            .name("kivi-log".to_owned())
            .spawn(move || committer.run())
            .map_err(|source| error::io("start the log thread for", directory.path(), source))?;
        let compaction = Compaction {
            directory: Arc::clone(&directory),
            queue: Arc::clone(&queue),
            usage: Arc::clone(&usage),
            reserve: Arc::clone(&reserve),
            store_id,
            vouched: vouched.clone(),
            on_step: on_step.clone(),
        };
        let compaction = Arc::new(Mutex::new(compaction));
        Ok(Self {
            directory,
            queue,
            vouched,
            usage,
            reserve,
            compaction,
            store_id: StoreId(store_id),
            on_step,
        })
    }

    fn entries(&self, after: u64, reach: Reach) -> Entries {
        let from = stream::From { after, compacted: self.usage.compacted(), on_step: self.on_step.clone() };
        stream::entries(Arc::clone(&self.directory), self.vouched.clone(), from, reach)
    }

    /// Does what blocks on a thread of its own, one after the other.
    fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Compaction) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, LogError> {
        let (answer, done) = oneshot::channel();
        let compaction = Arc::clone(&self.compaction);
        thread::Builder::new()
            .name("kivi-log-compact".to_owned())
            .spawn(move || {
                // Whoever asked may have left.
                let _ = answer.send(work(&compaction.lock()));
            })
            .map_err(|source| error::io("start a thread for", self.directory.path(), source))?;
        Ok(done)
    }
}

impl TransactionLog for FileLog {
    fn replay(&self, after: u64) -> Entries {
        self.entries(after, Reach::Present)
    }

    /// The term says nothing new here: nobody else appends, so behind a refused append every expected tail is wrong.
    fn append(&self, _term: u64, expected_tail: u64, batch: &[Record]) -> Appended {
        self.queue.append(expected_tail, batch).unwrap_or_else(|error| Err(error).into())
    }

    fn tail(&self, after: u64) -> Entries {
        self.entries(after, Reach::Future)
    }

    fn last(&self) -> Option<u64> {
        Some(self.vouched.borrow().tail)
    }

    fn store_id(&self) -> Option<StoreId> {
        Some(self.store_id)
    }

    fn failure(&self) -> Option<AppendError> {
        self.queue.failure().map(|message| AppendError::Failed { message })
    }

    fn usage(&self) -> Option<LogUsage> {
        Some(self.usage.get())
    }

    fn compact(&self, take: TakeSnapshot) -> BoxFuture<'static, Result<(), CompactError>> {
        let done = self.beside(|compaction| compaction.run(take));
        async move { done?.await.unwrap_or_else(|_| Err(ended().into())) }.boxed()
    }

    fn expect_snapshot(&self, bytes: u64) {
        self.reserve.expect(bytes);
    }

    fn reserve(&self, bytes: u64) -> BoxFuture<'static, Result<(), LogError>> {
        let done = self.beside(move |compaction| compaction.reserve.hold(bytes));
        async move { done?.await.unwrap_or_else(|_| Err(ended())) }.boxed()
    }

    fn close(&self) -> BoxFuture<'static, Result<(), LogError>> {
        self.queue.close();
        let (queue, mut vouched) = (Arc::clone(&self.queue), self.vouched.clone());
        async move {
            // An error is the thread's end as well.
            let _ = vouched.wait_for(|vouched| !vouched.open).await;
            queue.failure().map_or(Ok(()), |message| Err(LogError::Failed { message }))
        }
        .boxed()
    }
}

fn ended() -> LogError {
    LogError::Failed { message: "a thread of the log ended".to_owned() }
}

impl Drop for FileLog {
    /// Lets the thread write what was accepted, and end.
    fn drop(&mut self) {
        self.queue.close();
    }
}
