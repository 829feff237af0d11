//! The snapshot that a restored log begins with, written behind the room for its header.

use std::path::Path;

use crate::{
    LogEntry, LogError, StateHash,
    file_log::{
        LogFile,
        error::io as io_error,
        format::{BATCH_HEADER, HEADER, encode, seal},
        snapshot::hashed,
    },
};

/// About how long a batch is, in bytes.
const BATCH: usize = 64 << 10;

pub(super) struct Batches<'a> {
    file: &'a dyn LogFile,
    path: &'a Path,
    salt: u32,
    /// Where the next batch goes, in bytes.
    offset: u64,
    /// The next batch, as far as it is filled.
    bytes: Vec<u8>,
    count: u32,
    /// How many records were written before it.
    records: u64,
    keys: u64,
    hash: StateHash,
}

impl<'a> Batches<'a> {
    pub(super) fn new(file: &'a dyn LogFile, path: &'a Path, salt: u32) -> Self {
        let (offset, bytes, hash) = (HEADER as u64, vec![0; BATCH_HEADER], StateHash::default());
        Self { file, path, salt, offset, bytes, count: 0, records: 0, keys: 0, hash }
    }

    pub(super) fn add(&mut self, entries: &[LogEntry]) -> Result<(), LogError> {
        for entry in entries {
            self.keys += hashed::add(&mut self.hash, entry);
            encode(&mut self.bytes, entry.sequence, &entry.record);
            self.count += 1;
            if self.bytes.len() >= BATCH {
                self.write()?;
            }
        }
        Ok(())
    }

    /// Writes the end; returns how many keys there are, and the hash of their state.
    pub(super) fn end(mut self) -> Result<(u64, StateHash), LogError> {
        if self.count > 0 {
            self.write()?;
        }
        self.bytes.extend_from_slice(&self.records.to_le_bytes());
        self.bytes.extend_from_slice(&self.hash.0.to_le_bytes());
        self.write()?;
        Ok((self.keys, self.hash))
    }

    fn write(&mut self) -> Result<(), LogError> {
        seal(&mut self.bytes, self.salt, self.records, 0, self.count);
        self.file.write_at(&self.bytes, self.offset).map_err(|error| io_error("write", self.path, error))?;
        self.offset += self.bytes.len() as u64;
        self.records += u64::from(std::mem::take(&mut self.count));
        self.bytes.truncate(BATCH_HEADER);
        Ok(())
    }
}
