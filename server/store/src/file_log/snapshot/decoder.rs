//! From bytes to the entries of a snapshot, checking everything on the way: only a whole snapshot comes to its end.

use std::io::Read;

use bytes::Bytes;

use crate::{
    LogEntry, StateHash, StoreId,
    file_log::{
        format::{Kind, MediaTypes, RecordError, decode_any},
        framed::{Damage, Framed},
        snapshot::hashed,
    },
};

/// What comes next.
pub(in crate::file_log) enum Part {
    Entries(Vec<LogEntry>),
    /// The last part, which nothing follows.
    End(StateHash),
}

pub(in crate::file_log) struct Decoder<R> {
    framed: Framed<R>,
    records: u64,
    media_types: MediaTypes,
}

/// What a whole snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspected {
    /// Whose it is.
    pub store_id: StoreId,
    /// The sequence that it was taken at.
    pub sequence: u64,
    /// How many keys it holds.
    pub keys: u64,
    /// The hash of their state.
    pub hash: StateHash,
}

/// Reads a snapshot to its end and checks it as a restore does.
pub fn inspect(source: impl Read) -> Result<Inspected, Damage> {
    let mut decoder = Decoder::new(source)?;
    let (mut keys, mut found) = (0, StateHash::default());
    let expected = loop {
        match decoder.next()? {
            Part::Entries(entries) => entries.iter().for_each(|entry| keys += hashed::add(&mut found, entry)),
            Part::End(expected) => break expected,
        }
    };
    if found != expected {
        return Err(Damage::Hash { found, expected });
    }
    let store_id = StoreId(decoder.framed.header.store_id);
    Ok(Inspected { store_id, sequence: decoder.sequence(), keys, hash: found })
}

impl<R: Read> Decoder<R> {
    /// Reads the header.
    pub(in crate::file_log) fn new(source: R) -> Result<Self, Damage> {
        let framed = Framed::new(source, Kind::Snapshot)?;
        Ok(Self { framed, records: 0, media_types: MediaTypes::default() })
    }

    /// Whose it is.
    pub(in crate::file_log) fn store_id(&self) -> [u8; 16] {
        self.framed.header.store_id
    }

    /// The sequence that it was taken at.
    pub(in crate::file_log) fn sequence(&self) -> u64 {
        self.framed.header.first_sequence - 1
    }

    pub(in crate::file_log) fn next(&mut self) -> Result<Part, Damage> {
        let (batch, mut payload) = self.framed.next()?;
        if batch.first_sequence != self.records {
            return Err(self.corrupt("a batch is missing, or comes twice"));
        }
        if batch.count == 0 { self.end(&payload) } else { self.entries(&mut payload, batch.count) }
    }

    /// What is wrong with the present part.
    pub(in crate::file_log) fn corrupt(&self, reason: &'static str) -> Damage {
        self.framed.corrupt(reason)
    }

    fn entries(&mut self, payload: &mut Bytes, count: u32) -> Result<Part, Damage> {
        let mut entries = Vec::with_capacity(usize::try_from(count).unwrap_or(0).min(payload.len() / 16));
        for _ in 0..count {
            match decode_any(payload, &mut self.media_types) {
                Ok(entry) if entry.sequence < self.framed.header.first_sequence => entries.push(entry),
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
        self.framed.expect_end()?;
        Ok(Part::End(StateHash(u64::from_le_bytes(*hash))))
    }
}
