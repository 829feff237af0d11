//! A reader as a stream: it reads on a thread of its own, a few chunks ahead of whoever listens.

use std::{sync::Arc, thread};

use futures::{StreamExt, executor::block_on, future::select, stream};
use tokio::sync::{mpsc, watch};

use super::{Directory, Vouched, error, reader::Reader};
use crate::{Entries, LogEntry, LogError};

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

type Chunks = mpsc::Sender<Result<Vec<LogEntry>, LogError>>;

pub(super) fn entries(
    directory: Arc<dyn Directory>,
    vouched: watch::Receiver<Vouched>,
    after: u64,
    reach: Reach,
) -> Entries {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let path = directory.path().to_owned();
    let upto = vouched.borrow().tail;
    let chunks = sender.clone();
    let reading = thread::Builder::new().name("kivi-log-read".to_owned()).spawn(move || {
        let mut reader = Reader::new(directory, after);
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
    stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk.map(crate::Chunk::Entries), receiver))
    })
    .boxed()
}

/// False when nobody listens any more, or after an error.
fn read_up_to(reader: &mut Reader, upto: u64, chunks: &Chunks) -> bool {
    loop {
        match reader.read(upto) {
            Ok(entries) if entries.is_empty() => return true,
            Ok(entries) => {
                if chunks.blocking_send(Ok(entries)).is_err() {
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

fn follow(reader: &mut Reader, mut vouched: watch::Receiver<Vouched>, chunks: &Chunks) {
    loop {
        let Vouched { tail, open } = *vouched.borrow_and_update();
        if !read_up_to(reader, tail, chunks) || !open {
            return;
        }
        let changed = Box::pin(async { vouched.changed().await.is_ok() });
        let left = Box::pin(async {
            chunks.closed().await;
            false
        });
        let (go_on, _) = block_on(select(changed, left)).factor_first();
        if !go_on {
            return;
        }
    }
}
