//! From bytes to the entries of an excerpt, checking everything on the way: only a whole one comes to its end.

use std::io::Read;

use bytes::Bytes;

use crate::{
    Damage, LogEntry, StoreId,
    file_log::{
        format::{Kind, MediaTypes, RecordError, decode},
        framed::Framed,
    },
};

/// Reads an excerpt. Whatever it gives out before [`read`](Self::read) comes to an end may be of one that is cut short.
pub struct ExcerptReader<R> {
    framed: Framed<R>,
    /// The sequence that comes next.
    next: u64,
    ended: bool,
    media_types: MediaTypes,
}

impl<R: Read> ExcerptReader<R> {
    /// Reads the header.
    pub fn new(source: R) -> Result<Self, Damage> {
        let framed = Framed::new(source, Kind::Excerpt)?;
        let next = framed.header.first_sequence;
        Ok(Self { framed, next, ended: false, media_types: MediaTypes::default() })
    }

    /// Whose log it is of.
    pub fn store_id(&self) -> StoreId {
        StoreId(self.framed.header.store_id)
    }

    /// The sequence of the first entry, if there is one.
    pub fn first(&self) -> u64 {
        self.framed.header.first_sequence
    }

    /// The sequence of the last entry that was given out; the one before the first as long as none was.
    pub fn last(&self) -> u64 {
        self.next - 1
    }

    /// The next entries, which follow those before without a gap; `None` at the end of a whole excerpt.
    pub fn read(&mut self) -> Result<Option<Vec<LogEntry>>, Damage> {
        if self.ended {
            return Ok(None);
        }
        let (batch, mut payload) = self.framed.next()?;
        if batch.first_sequence != self.next {
            return Err(self.framed.corrupt("a batch is missing, or comes twice"));
        }
        if batch.count == 0 {
            self.end(&payload)?;
            return Ok(None);
        }
        let entries = self.entries(&mut payload, batch.count)?;
        self.next += u64::from(batch.count);
        Ok(Some(entries))
    }

    fn entries(&mut self, payload: &mut Bytes, count: u32) -> Result<Vec<LogEntry>, Damage> {
        let mut entries = Vec::with_capacity(usize::try_from(count).unwrap_or(0).min(payload.len() / 16));
        for sequence in (self.next..).take(count as usize) {
            entries.push(decode(payload, sequence, &mut self.media_types).map_err(|error| match error {
                RecordError::Bad(reason) => self.framed.corrupt(reason),
                RecordError::Sequence { .. } => self.framed.corrupt("a record is out of place"),
            })?);
        }
        if !payload.is_empty() {
            return Err(self.framed.corrupt("a batch has bytes behind its last record"));
        }
        Ok(entries)
    }

    fn end(&mut self, payload: &[u8]) -> Result<(), Damage> {
        let (Some(records), Some(last)) = (payload.first_chunk::<8>(), payload.last_chunk::<8>()) else {
            return Err(self.framed.corrupt("the end is cut short"));
        };
        let records_match = u64::from_le_bytes(*records) == self.next - self.first();
        if payload.len() != 16 || !records_match || u64::from_le_bytes(*last) != self.last() {
            return Err(self.framed.corrupt("the end speaks of other entries"));
        }
        self.framed.expect_end()?;
        self.ended = true;
        Ok(())
    }
}
