//! A view into a segment that holds only a part of it in memory.

use std::io;

use crate::file_log::{
    format::{BATCH_HEADER, Frame, all_zeros, frame},
    segment::Segment,
};

/// How much is read at a time, in bytes; a larger batch is read whole.
const WINDOW: usize = 1 << 20;

pub(in crate::file_log) struct Window<'a> {
    segment: &'a Segment,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(in crate::file_log) fn new(segment: &'a Segment) -> Self {
        Self { segment, start: 0, bytes: Vec::new() }
    }

    /// The length of the segment, in bytes.
    pub(in crate::file_log) fn length(&self) -> u64 {
        self.segment.length
    }

    /// What stands at `offset`.
    pub(in crate::file_log) fn frame(&mut self, offset: u64) -> io::Result<Frame> {
        let remaining = self.length().saturating_sub(offset);
        let mut need = BATCH_HEADER;
        loop {
            self.load(offset, need)?;
            let bytes = self.from(offset);
            match frame(bytes, remaining, self.segment.header.salt) {
                // The file became shorter than it said; the caller takes that for a torn batch.
                Frame::Partial(more) if bytes.len() >= need && more > need => need = more,
                found => return Ok(found),
            }
        }
    }

    /// The bytes at `offset` that are in memory, at least a batch header; `None` at the end of the file.
    pub(in crate::file_log) fn at(&mut self, offset: u64) -> io::Result<Option<&[u8]>> {
        self.load(offset, BATCH_HEADER)?;
        let bytes = self.from(offset);
        Ok(if bytes.len() < BATCH_HEADER { None } else { Some(bytes) })
    }

    /// Whether there are only zeros from `offset` to the end of the file.
    pub(in crate::file_log) fn zeros(&mut self, mut offset: u64) -> io::Result<bool> {
        loop {
            self.load(offset, 1)?;
            let bytes = self.from(offset);
            if bytes.is_empty() {
                return Ok(true);
            }
            if !all_zeros(bytes) {
                return Ok(false);
            }
            offset += bytes.len() as u64;
        }
    }

    fn from(&self, offset: u64) -> &[u8] {
        let skip = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        self.bytes.get(skip..).unwrap_or_default()
    }

    /// Sees to it that `need` bytes at `offset` are in memory, as far as the file has them.
    fn load(&mut self, offset: u64, need: usize) -> io::Result<()> {
        let end = self.start + self.bytes.len() as u64;
        if offset >= self.start && offset + need as u64 <= end {
            return Ok(());
        }
        let remaining = usize::try_from(self.length().saturating_sub(offset)).unwrap_or(usize::MAX);
        self.bytes.resize(need.max(WINDOW).min(remaining), 0);
        self.start = offset;
        let read = self.segment.file.read_at(&mut self.bytes, offset)?;
        self.bytes.truncate(read);
        Ok(())
    }
}
