//! From entries of a log to the bytes of an excerpt, chunk by chunk.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use rand::Rng;

use crate::{
    Chunk, Entries, LogEntry, LogError, StoreId,
    file_log::format::{BATCH_HEADER, Header, Kind, encode, seal},
};

/// An excerpt of a log that is to be read.
pub struct Excerpt {
    /// Whose it is.
    pub store_id: StoreId,
    /// The sequence that it begins behind.
    pub after: u64,
    /// The sequence of its last entry; `after` when it has none.
    pub last: u64,
    /// The entries behind `after`, at least up to `last`.
    pub entries: Entries,
}

/// What is left to encode.
struct Rest {
    entries: Entries,
    header: Header,
    last: u64,
    /// The sequence that comes next.
    next: u64,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Header,
    Entries,
    Ended,
}

impl Excerpt {
    /// Its bytes, in order; they end after an error.
    pub fn bytes(self) -> BoxStream<'static, Result<Bytes, LogError>> {
        let Self { store_id, after, last, entries } = self;
        let header =
            Header { salt: rand::rng().random(), store_id: store_id.0, first_sequence: after + 1, length: 0 };
        let rest = Rest { entries, header, last, next: after + 1, state: State::Header };
        stream::unfold(rest, |mut rest| async {
            let piece = rest.piece().await?;
            if piece.is_err() {
                rest.state = State::Ended;
            }
            Some((piece, rest))
        })
        .boxed()
    }
}

impl Rest {
    async fn piece(&mut self) -> Option<Result<Bytes, LogError>> {
        match self.state {
            State::Header => {
                self.state = State::Entries;
                Some(Ok(Bytes::copy_from_slice(&self.header.encode(Kind::Excerpt))))
            }
            State::Entries if self.next > self.last => {
                self.state = State::Ended;
                Some(Ok(self.end()))
            }
            State::Entries => Some(self.batch().await),
            State::Ended => None,
        }
    }

    async fn batch(&mut self) -> Result<Bytes, LogError> {
        let mut chunk = match self.entries.try_next().await? {
            Some(Chunk::Entries(entries)) => entries,
            // Behind a sequence that is not compacted there is no snapshot.
            Some(Chunk::Snapshot(_) | Chunk::SnapshotEnd { .. }) | None => Vec::new(),
        };
        chunk.truncate(chunk.partition_point(|entry| entry.sequence <= self.last));
        if chunk.first().is_none_or(|entry| entry.sequence != self.next) {
            let message = format!("it gave no entry of sequence {}", self.next);
            return Err(LogError::Failed { message });
        }
        let first = self.next;
        self.next += chunk.len() as u64;
        Ok(self.encode(first, &chunk))
    }

    fn encode(&self, first: u64, entries: &[LogEntry]) -> Bytes {
        let mut bytes = vec![0; BATCH_HEADER];
        for entry in entries {
            encode(&mut bytes, entry.sequence, &entry.record);
        }
        // A chunk is far from 4 Gi records.
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        seal(&mut bytes, self.header.salt, first, 0, count);
        Bytes::from(bytes)
    }

    fn end(&self) -> Bytes {
        let mut bytes = vec![0; BATCH_HEADER];
        bytes.extend_from_slice(&(self.next - self.header.first_sequence).to_le_bytes());
        bytes.extend_from_slice(&self.last.to_le_bytes());
        seal(&mut bytes, self.header.salt, self.next, 0, 0);
        Bytes::from(bytes)
    }
}
