//! Bytes on their way that are looked at while they pass: digested, and read to their end as what they are to be, on a
//! thread of its own.

use std::{
    fmt::Write,
    io::{self, Read},
};

use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{Error, place::PlaceError};

/// How many pieces are ahead of the reader.
const AHEAD: usize = 16;

/// What passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digested {
    /// How much, in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub(crate) sha256: String,
}

/// Counts and digests.
#[derive(Default)]
pub(crate) struct Digester {
    sha256: Sha256,
    bytes: u64,
}

impl Digester {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    pub(crate) fn end(self) -> Digested {
        let mut sha256 = String::with_capacity(64);
        for byte in self.sha256.finalize() {
            // A string takes whatever is written to it.
            let _ = write!(sha256, "{byte:02x}");
        }
        Digested { bytes: self.bytes, sha256 }
    }
}

/// A reader that is fed from elsewhere. Dropping the feed is the end of what it reads.
pub(crate) struct Inspector<T> {
    feed: mpsc::Sender<Result<Bytes, io::Error>>,
    reading: JoinHandle<T>,
}

impl<T: Send + 'static> Inspector<T> {
    /// Has `read` read what is fed, beside the runtime.
    pub(crate) fn new(read: impl FnOnce(Fed) -> T + Send + 'static) -> Self {
        let (feed, pieces) = mpsc::channel(AHEAD);
        let source = Fed { pieces, piece: Bytes::new() };
        Self { feed, reading: tokio::task::spawn_blocking(move || read(source)) }
    }

    /// The next piece. A reader that has ended, since it found something wrong, hears no more; what it found is told at
    /// the end.
    pub(crate) async fn feed(&self, piece: Bytes) {
        let _ = self.feed.send(Ok(piece)).await;
    }

    /// Whether the reader has read all that it wants to.
    pub(crate) fn has_ended(&self) -> bool {
        self.feed.is_closed()
    }

    /// There is no more; returns what the reader made of it.
    pub(crate) async fn end(self) -> Result<T, Error> {
        drop(self.feed);
        Ok(self.reading.await?)
    }

    /// What is fed breaks off: the reader meets this error.
    pub(crate) async fn break_off(self, error: io::Error) -> Result<T, Error> {
        let _ = self.feed.send(Err(error)).await;
        self.end().await
    }
}

/// What is fed, as a reader. Used outside of the runtime only.
pub(crate) struct Fed {
    pieces: mpsc::Receiver<Result<Bytes, io::Error>>,
    piece: Bytes,
}

impl Read for Fed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece?,
            }
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// Has `read` read the whole of a stream; returns what it made of it, and what passed. Where the stream fails, that is the
/// error, whatever the reader says.
pub(crate) async fn inspect<T: Send + 'static>(
    mut parts: impl Stream<Item = Result<Bytes, PlaceError>> + Unpin + Send,
    read: impl FnOnce(Fed) -> T + Send + 'static,
) -> Result<(T, Digested), Error> {
    let (inspector, mut digester) = (Inspector::new(read), Digester::default());
    while let Some(part) = parts.next().await {
        match part {
            Ok(part) => {
                digester.add(&part);
                inspector.feed(part).await;
            }
            Err(error) => {
                inspector.break_off(io::Error::other(error.to_string())).await?;
                return Err(error.into());
            }
        }
    }
    Ok((inspector.end().await?, digester.end()))
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn all(mut fed: Fed) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        fed.read_to_end(&mut all).map(|_| all)
    }

    #[tokio::test]
    async fn a_reader_gets_what_passes_and_it_is_digested() {
        let parts = ["ab", "", "c"].map(|part| Ok(Bytes::from_static(part.as_bytes())));
        let (read, digested) = inspect(stream::iter(parts), all).await.unwrap();
        assert_eq!(read.unwrap(), b"abc");
        assert_eq!(digested.bytes, 3);
        assert_eq!(digested.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[tokio::test]
    async fn a_reader_that_ends_early_holds_up_nobody() {
        let parts = (0..1000).map(|_| Ok(Bytes::from_static(b"x")));
        let (read, digested) = inspect(stream::iter(parts), drop).await.unwrap();
        assert_eq!((read, digested.bytes), ((), 1000));
    }

    #[tokio::test]
    async fn what_breaks_off_is_an_error_to_both() {
        let broken = PlaceError::NoCredentials { url: "s3://b".to_owned() };
        let parts = stream::iter([Ok(Bytes::from_static(b"half")), Err(broken)]);
        let (told, heard) = std::sync::mpsc::channel();
        let read = move |fed| told.send(all(fed).is_err()).unwrap();
        assert!(matches!(inspect(parts, read).await, Err(Error::Place(_))));
        assert_eq!(heard.recv(), Ok(true));
    }
}
