//! Batches that are read from a stream, where what follows is unknown: a snapshot, an excerpt of a log. Everything is
//! checked on the way, so that only a whole one comes to its end.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

use super::format::{BATCH_HEADER, Batch, Frame, HEADER, Header, HeaderError, Kind, frame};
use crate::StateHash;

/// Why bytes are no snapshot, or no excerpt of a log.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// They are damaged.
    #[error("at byte {offset}, {reason}")]
    Corrupt {
        /// Where the damaged part begins.
        offset: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// They are whole, and their state is not the one that was written.
    #[error("its state has the hash {found}, and {expected} was written")]
    Hash {
        /// The hash of what was read.
        found: StateHash,
        /// The hash that was written with it.
        expected: StateHash,
    },
    /// They are of another version.
    #[error("it has format {0}, which this version does not know")]
    ForeignVersion(u32),
    /// They can't be read.
    #[error("it can't be read: {0}")]
    Io(io::Error),
}

pub(super) struct Framed<R> {
    source: R,
    pub(super) header: Header,
    /// Where the present batch begins, in bytes.
    offset: u64,
    /// Where the next one does.
    following: u64,
}

impl<R: Read> Framed<R> {
    /// Reads the header.
    pub(super) fn new(mut source: R, kind: Kind) -> Result<Self, Damage> {
        let mut bytes = Vec::with_capacity(HEADER);
        source.by_ref().take(HEADER as u64).read_to_end(&mut bytes).map_err(Damage::Io)?;
        let header = Header::decode(&bytes, kind).map_err(|error| match error {
            HeaderError::Corrupt(reason) => Damage::Corrupt { offset: 0, reason },
            HeaderError::ForeignVersion(found) => Damage::ForeignVersion(found),
        })?;
        Ok(Self { source, header, offset: HEADER as u64, following: HEADER as u64 })
    }

    /// The next batch, which becomes the present one, and its records.
    pub(super) fn next(&mut self) -> Result<(Batch, Bytes), Damage> {
        self.offset = self.following;
        let mut bytes = BytesMut::with_capacity(BATCH_HEADER);
        self.fill(&mut bytes, BATCH_HEADER)?;
        // How much follows is unknown in a stream; a batch that says too much runs into the end.
        let batch = loop {
            match frame(&bytes, u64::MAX, self.header.salt) {
                Frame::Batch(batch) => break batch,
                Frame::Partial(need) if need > bytes.len() => self.fill(&mut bytes, need)?,
                Frame::Partial(_) | Frame::End => {
                    return Err(self.corrupt("zeros stand where a batch should"));
                }
                Frame::Bad(reason) => return Err(self.corrupt(reason)),
            }
        };
        self.following = self.offset + (BATCH_HEADER + batch.payload) as u64;
        Ok((batch, Bytes::from(bytes).slice(BATCH_HEADER..)))
    }

    /// The present batch is to be the last one.
    pub(super) fn expect_end(&mut self) -> Result<(), Damage> {
        match self.source.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.corrupt("there are bytes behind the end")),
            Err(error) => Err(Damage::Io(error)),
        }
    }

    /// What is wrong with the present batch.
    pub(super) fn corrupt(&self, reason: &'static str) -> Damage {
        Damage::Corrupt { offset: self.offset, reason }
    }

    /// Reads on until there are `need` bytes. A megabyte at a time, so that a damaged length takes no memory that is not
    /// filled.
    fn fill(&mut self, bytes: &mut BytesMut, need: usize) -> Result<(), Damage> {
        while bytes.len() < need {
            let had = bytes.len();
            let step = (need - had).min(1 << 20);
            bytes.resize(had + step, 0);
            self.source.read_exact(&mut bytes[had..]).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => self.corrupt("it ends before its end"),
                _ => Damage::Io(error),
            })?;
        }
        Ok(())
    }
}
