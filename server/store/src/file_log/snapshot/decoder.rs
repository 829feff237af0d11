//! From bytes to the entries of a snapshot, checking everything on the way: only a whole snapshot comes to its end.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

use crate::{
    LogEntry, StateHash,
    file_log::format::{
        BATCH_HEADER, Frame, HEADER, Header, HeaderError, Kind, MediaTypes, RecordError, decode_any, frame,
    },
};

/// What comes next.
pub(in crate::file_log) enum Part {
    Entries(Vec<LogEntry>),
    /// The last part, which nothing follows.
    End(StateHash),
}

/// Why bytes are no snapshot.
#[derive(Debug, thiserror::Error)]
pub(in crate::file_log) enum Damage {
    /// They are damaged.
    #[error("at byte {offset}, {reason}")]
    Corrupt { offset: u64, reason: &'static str },
    /// They are of another version.
    #[error("it has format {0}, which this version does not know")]
    ForeignVersion(u32),
    /// They can't be read.
    #[error("it can't be read: {0}")]
    Io(io::Error),
}

pub(in crate::file_log) struct Decoder<R> {
    source: R,
    pub(in crate::file_log) header: Header,
    /// Where it is, in bytes.
    offset: u64,
    records: u64,
    media_types: MediaTypes,
}

impl<R: Read> Decoder<R> {
    /// Reads the header.
    pub(in crate::file_log) fn new(mut source: R) -> Result<Self, Damage> {
        let mut bytes = Vec::with_capacity(HEADER);
        source.by_ref().take(HEADER as u64).read_to_end(&mut bytes).map_err(Damage::Io)?;
        let header = Header::decode(&bytes, Kind::Snapshot).map_err(|error| match error {
            HeaderError::Corrupt(reason) => Damage::Corrupt { offset: 0, reason },
            HeaderError::ForeignVersion(found) => Damage::ForeignVersion(found),
        })?;
        Ok(Self { source, header, offset: HEADER as u64, records: 0, media_types: MediaTypes::default() })
    }

    pub(in crate::file_log) fn next(&mut self) -> Result<Part, Damage> {
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
        if batch.first_sequence != self.records {
            return Err(self.corrupt("a batch is missing, or comes twice"));
        }
        let mut payload = Bytes::from(bytes).slice(BATCH_HEADER..);
        let part =
            if batch.count == 0 { self.end(&payload)? } else { self.entries(&mut payload, batch.count)? };
        self.offset += (BATCH_HEADER + batch.payload) as u64;
        Ok(part)
    }

    fn entries(&mut self, payload: &mut Bytes, count: u32) -> Result<Part, Damage> {
        let mut entries = Vec::with_capacity(usize::try_from(count).unwrap_or(0).min(payload.len() / 16));
        for _ in 0..count {
            match decode_any(payload, &mut self.media_types) {
                Ok(entry) if entry.sequence < self.header.first_sequence => entries.push(entry),
                Ok(_) => return Err(self.corrupt("a record is of a later sequence than the snapshot")),
                Err(RecordError::Bad(reason)) => return Err(self.corrupt(reason)),
                Err(RecordError::Sequence { .. }) => return Err(self.corrupt("a record is out of place")),
            }
        }
        if !payload.is_empty() {
            return Err(self.corrupt("a batch has bytes behind its last record"));
        }
        self.records += u64::from(count);
        Ok(Part::Entries(entries))
    }

    fn end(&mut self, payload: &[u8]) -> Result<Part, Damage> {
        let (Some(records), Some(hash)) = (payload.first_chunk::<8>(), payload.last_chunk::<8>()) else {
            return Err(self.corrupt("the end is cut short"));
        };
        if payload.len() != 16 || u64::from_le_bytes(*records) != self.records {
            return Err(self.corrupt("the end speaks of another number of records"));
        }
        let mut more = [0];
        match self.source.read(&mut more) {
            Ok(0) => Ok(Part::End(StateHash(u64::from_le_bytes(*hash)))),
            Ok(_) => Err(self.corrupt("there are bytes behind the end")),
            Err(error) => Err(Damage::Io(error)),
        }
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

    fn corrupt(&self, reason: &'static str) -> Damage {
        Damage::Corrupt { offset: self.offset, reason }
    }
}
