//! A reader as a stream: it reads on a thread of its own, a few chunks ahead of whoever listens.

use std::{io, sync::Arc, thread};

use futures::{StreamExt, executor::block_on, future::select, stream};
use tokio::sync::{mpsc, watch};

use super::{
    Directory, Step, StepObserver, error,
    reader::Reader,
    snapshot::{
        Decoder, Part,
        files::{self, FileReader},
    },
    vouched::Vouched,
};
use crate::{Chunk, Entries, LogError};

/// How many chunks wait for the listener.
const AHEAD: usize = 4;

/// How far a stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// To what the log vouches for now.
    Present,
    /// On and on, until the log is closed.
    Future,
}

/// Where a stream begins.
pub(super) struct From {
    /// Behind this sequence; 0 for all of the log.
    pub(super) after: u64,
    /// The sequence of the snapshot that the log begins with.
    pub(super) compacted: u64,
    pub(super) on_step: Option<StepObserver>,
}

type Chunks = mpsc::Sender<Result<Chunk, LogError>>;

pub(super) fn entries(
    directory: Arc<dyn Directory>,
    vouched: watch::Receiver<Vouched>,
    from: From,
    reach: Reach,
) -> Entries {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let path = directory.path().to_owned();
    let upto = vouched.borrow().tail;
    let chunks = sender.clone();
    let reading = thread::Builder::new().name("kivi-log-read".to_owned()).spawn(move || {
        let Some(after) = begin(&directory, &from, &sender) else { return };
        let mut reader = Reader::new(directory, after);
        let sender = Told { chunks: sender, on_step: from.on_step };
        match reach {
            Reach::Present => {
                read_up_to(&mut reader, upto, &sender);
            }
            Reach::Future => follow(&mut reader, vouched, &sender),
        }
    });
    if let Err(source) = reading {
        // The channel is new, so there is room.
        let _ = chunks.try_send(Err(error::io("start a reader of", &path, source)));
    }
    drop(chunks);
    stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|chunk| (chunk, receiver)) })
        .boxed()
}

/// Gives out the snapshot if it is asked for; returns the sequence behind which segments are read. `None` when nobody
/// listens any more, or after an error.
fn begin(directory: &Arc<dyn Directory>, from: &From, chunks: &Chunks) -> Option<u64> {
    let From { after, compacted, .. } = *from;
    if compacted <= after {
        return Some(after);
    }
    if after > 0 {
        let _ = chunks.blocking_send(Err(LogError::Compacted { after, compacted }));
        return None;
    }
    match give_snapshot(&**directory, compacted, chunks) {
        Ok(given) => given,
        Err(error) => {
            let _ = chunks.blocking_send(Err(error));
            None
        }
    }
}

/// Returns the sequence of the snapshot; `None` when nobody listens any more.
fn give_snapshot(directory: &dyn Directory, known: u64, chunks: &Chunks) -> Result<Option<u64>, LogError> {
    let (sequence, mut decoder) = open_snapshot(directory, known)?;
    loop {
        let part =
            decoder.next().map_err(|damage| files::error(directory, &files::name(sequence), damage))?;
        let (chunk, last) = match part {
            Part::Entries(entries) => (Chunk::Snapshot(entries), false),
            Part::End(hash) => (Chunk::SnapshotEnd { sequence, hash }, true),
        };
        if chunks.blocking_send(Ok(chunk)).is_err() {
            return Ok(None);
        }
        if last {
            return Ok(Some(sequence));
        }
    }
}

/// Opens the snapshot that was the newest, or the one that a compaction has put in its place meanwhile.
fn open_snapshot(
    directory: &dyn Directory,
    mut sequence: u64,
) -> Result<(u64, Decoder<FileReader>), LogError> {
    loop {
        let error = match files::open(directory, sequence) {
            Ok((decoder, _)) => return Ok((sequence, decoder)),
            Err(error) => error,
        };
        match (&error, files::list(directory)?.last()) {
            (LogError::Io { source, .. }, Some(&newer))
                if source.kind() == io::ErrorKind::NotFound && newer > sequence =>
            {
                sequence = newer;
            }
            _ => return Err(error),
        }
    }
}

/// Who is told of what is read.
struct Told {
    chunks: Chunks,
    on_step: Option<StepObserver>,
}

/// False when nobody listens any more, or after an error.
fn read_up_to(reader: &mut Reader, upto: u64, told: &Told) -> bool {
    let Told { chunks, on_step } = told;
    loop {
        match reader.read(upto) {
            Ok(entries) if entries.is_empty() => return true,
            Ok(entries) => {
                if let Some(on_step) = on_step {
                    on_step(Step::Replay);
                }
                if chunks.blocking_send(Ok(Chunk::Entries(entries))).is_err() {
                    return false;
                }
            }
            Err(error) => {
                // Without a listener nobody misses it.
                let _ = chunks.blocking_send(Err(error));
                return false;
            }
        }
    }
}

fn follow(reader: &mut Reader, mut vouched: watch::Receiver<Vouched>, told: &Told) {
    loop {
        let Vouched { tail, open } = *vouched.borrow_and_update();
        if !read_up_to(reader, tail, told) || !open {
            return;
        }
        let changed = Box::pin(async { vouched.changed().await.is_ok() });
        let left = Box::pin(async {
            told.chunks.closed().await;
            false
        });
        let (go_on, _) = block_on(select(changed, left)).factor_first();
        if !go_on {
            return;
        }
    }
}
