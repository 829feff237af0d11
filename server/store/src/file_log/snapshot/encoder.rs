//! From a snapshot of a store to bytes, part by part. Pure.

use bytes::Bytes;
use rand::Rng;

use crate::{
    Snapshot, SnapshotError, StoreId,
    file_log::format::{BATCH_HEADER, Header, Kind, encode, seal},
};

/// About how long a part is, in bytes. Whoever makes one keeps a processor for some ten microseconds.
const PART: usize = 16 << 10;

/// The bytes of a snapshot, in order; it ends after an error.
pub struct SnapshotEncoder {
    source: Box<dyn Snapshot>,
    header: Header,
    /// How many records were encoded.
    records: u64,
    next: Next,
}

enum Next {
    Header,
    Batch,
    Nothing,
}

impl SnapshotEncoder {
    /// The bytes of this snapshot, as of the log that it is of.
    pub fn new(source: Box<dyn Snapshot>, store_id: StoreId) -> Self {
        let first_sequence = source.sequence() + 1;
        let header = Header { salt: rand::rng().random(), store_id: store_id.0, first_sequence, length: 0 };
        Self { source, header, records: 0, next: Next::Header }
    }

    /// How urgent it is to go on, in percent.
    pub(in crate::file_log) fn urgency(&self) -> u8 {
        self.source.urgency()
    }

    fn batch(&mut self) -> Result<Bytes, SnapshotError> {
        let mut bytes = Vec::with_capacity(PART + PART / 8);
        bytes.resize(BATCH_HEADER, 0);
        let before = self.records;
        while bytes.len() < PART {
            let entries = self.source.read()?;
            if entries.is_empty() {
                break;
            }
            for entry in &entries {
                encode(&mut bytes, entry.sequence, &entry.record);
                self.records += 1;
            }
        }
        // A part is far from 4 Gi records.
        let count = u32::try_from(self.records - before).unwrap_or(u32::MAX);
        if count == 0 {
            bytes.extend_from_slice(&self.records.to_le_bytes());
            bytes.extend_from_slice(&self.source.hash().0.to_le_bytes());
            self.next = Next::Nothing;
        }
        seal(&mut bytes, self.header.salt, before, 0, count);
        Ok(Bytes::from(bytes))
    }
}

impl Iterator for SnapshotEncoder {
    type Item = Result<Bytes, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next {
            Next::Header => {
                self.next = Next::Batch;
                Some(Ok(Bytes::copy_from_slice(&self.header.encode(Kind::Snapshot))))
            }
            Next::Batch => {
                let batch = self.batch();
                if batch.is_err() {
                    self.next = Next::Nothing;
                }
                Some(batch)
            }
            Next::Nothing => None,
        }
    }
}
