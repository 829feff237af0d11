//! Reading the log back, from any sequence, checking everything on the way. What it is asked for was vouched for, so
//! anything wrong is corruption. It may read while the log thread writes behind it.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;

use super::{
    Directory,
    error::{corrupt, io},
    format::{BATCH_HEADER, Batch, Frame, HEADER, MediaTypes, RecordError, all_zeros, decode, frame},
    segment::{self, Segment},
    snapshot::files,
};
use crate::{LogEntry, LogError};

/// How much is read and passed on at a time, in bytes; a larger batch is read whole.
const CHUNK: usize = 64 << 10;

pub(super) struct Reader {
    directory: Arc<dyn Directory>,
    segment: Option<Segment>,
    /// Where in the segment, in bytes.
    position: u64,
    /// The sequence expected there.
    next: u64,
    /// Entries up to this sequence are passed over.
    after: u64,
    /// The log's identity, as its first segment named it.
    store_id: Option<[u8; 16]>,
    media_types: MediaTypes,
}

impl Reader {
    pub(super) fn new(directory: Arc<dyn Directory>, after: u64) -> Self {
        let media_types = MediaTypes::default();
        Self { directory, segment: None, position: 0, next: 0, after, store_id: None, media_types }
    }

    /// The next entries up to the sequence `upto`; none when all were given.
    pub(super) fn read(&mut self, upto: u64) -> Result<Vec<LogEntry>, LogError> {
        self.read_on(upto).map_err(|error| self.compacted().unwrap_or(error))
    }

    /// What a reader is told whose place in the log was compacted away: its segment is no more, or half of it.
    fn compacted(&self) -> Option<LogError> {
        let wanted = self.next.max(self.after + 1);
        let compacted = *files::list(&*self.directory).ok()?.last()?;
        (wanted <= compacted).then_some(LogError::Compacted { after: wanted - 1, compacted })
    }

    fn read_on(&mut self, upto: u64) -> Result<Vec<LogEntry>, LogError> {
        let mut entries = Vec::new();
        while entries.is_empty() && self.next <= upto && self.after < upto {
            if self.segment.is_none() {
                self.enter().map_err(|error| self.or_compacted(error))?;
            }
            self.read_chunk(upto, &mut entries).map_err(|error| self.or_compacted(error))?;
        }
        Ok(entries)
    }

    /// What is missing may have been taken away by a compaction meanwhile.
    fn or_compacted(&self, error: LogError) -> LogError {
        let missing = match &error {
            LogError::Gap { .. } => true,
            LogError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        };
        // The next entry to give out; those before it are only passed over.
        let wanted = self.next.max(self.after + 1);
        match files::list(&*self.directory) {
            Ok(all) if missing && all.last() >= Some(&wanted) => {
                LogError::Compacted { after: wanted - 1, compacted: all.last().copied().unwrap_or(wanted) }
            }
            _ => error,
        }
    }

    /// Opens the segment that holds the next sequence.
    fn enter(&mut self) -> Result<(), LogError> {
        let wanted = if self.next == 0 { self.after + 1 } else { self.next };
        let firsts = segment::list(&*self.directory)?;
        let held = firsts.iter().rev().find(|first| **first <= wanted).or(firsts.first());
        let Some(&first) = held else {
            let file = self.directory.path().to_owned();
            return Err(LogError::Gap { file, offset: 0, expected: wanted, found: 0 });
        };
        // At the start any segment will do; from then on, exactly the one that goes on.
        let expected = if self.next == 0 { first.min(wanted) } else { self.next };
        if first != expected {
            let segment = Segment::open(&*self.directory, first)?;
            let file = self.path(&segment);
            return Err(LogError::Gap { file, offset: 0, expected, found: first });
        }
        let segment = Segment::open(&*self.directory, first)?;
        let store_id = *self.store_id.get_or_insert(segment.header.store_id);
        if store_id != segment.header.store_id {
            let reason = "it belongs to another log, as its store id says";
            return Err(corrupt(&*self.directory, &segment.name, 0, reason));
        }
        self.next = first;
        self.position = HEADER as u64;
        self.segment = Some(segment);
        Ok(())
    }

    /// Decodes the whole batches of one read; leaves the segment at its end.
    fn read_chunk(&mut self, upto: u64, entries: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let Some(mut segment) = self.segment.take() else { return Ok(()) };
        let mut need = CHUNK;
        loop {
            let chunk = self.load(&segment, need)?;
            let start = self.position;
            if chunk.len() < need {
                // The log thread cuts a segment that it leaves.
                segment.length = segment.length.min(start + chunk.len() as u64);
            }
            loop {
                if self.next > upto {
                    break;
                }
                let skip = usize::try_from(self.position - start).unwrap_or(usize::MAX);
                let rest = chunk.get(skip..).unwrap_or_default();
                let remaining = segment.length.saturating_sub(self.position);
                match frame(rest, remaining, segment.header.salt) {
                    Frame::Batch(batch) => {
                        let end = BATCH_HEADER + batch.payload;
                        let payload = chunk.slice(skip + BATCH_HEADER..skip + end);
                        self.decode(&segment, batch, payload, entries)?;
                        self.position += end as u64;
                    }
                    // The next segment begins with the next sequence, or something is missing.
                    Frame::End => return self.leave(&segment),
                    Frame::Partial(_) if skip > 0 => {
                        need = CHUNK;
                        break;
                    }
                    Frame::Partial(more) if more > need => {
                        need = more;
                        break;
                    }
                    Frame::Partial(_) => {
                        return Err(self.corrupt(&segment, "a batch is cut off by the end of the file"));
                    }
                    Frame::Bad(reason) => return Err(self.corrupt(&segment, reason)),
                }
            }
            if self.next > upto || !entries.is_empty() {
                self.segment = Some(segment);
                return Ok(());
            }
        }
    }

    fn decode(
        &mut self,
        segment: &Segment,
        batch: Batch,
        mut payload: Bytes,
        entries: &mut Vec<LogEntry>,
    ) -> Result<(), LogError> {
        if batch.first_sequence != self.next {
            return Err(self.gap(segment, self.next, batch.first_sequence));
        }
        // A record has more bytes than that, or the batch is no good.
        entries.reserve((batch.count as usize).min(payload.len() / 16));
        for sequence in (batch.first_sequence..).take(batch.count as usize) {
            match decode(&mut payload, sequence, &mut self.media_types) {
                Ok(entry) if sequence > self.after => entries.push(entry),
                Ok(_) => {}
                Err(RecordError::Sequence { found }) => return Err(self.gap(segment, sequence, found)),
                Err(RecordError::Bad(reason)) => return Err(self.corrupt(segment, reason)),
            }
        }
        if !payload.is_empty() {
            return Err(self.corrupt(segment, "a batch has bytes behind its last record"));
        }
        self.next += u64::from(batch.count);
        Ok(())
    }

    /// At the end of a segment: the next one has to begin with the next sequence.
    fn leave(&mut self, segment: &Segment) -> Result<(), LogError> {
        let firsts = segment::list(&*self.directory)?;
        match firsts.iter().find(|first| **first > segment.header.first_sequence) {
            Some(&first) if first == self.next => Ok(()),
            // Its batches go on behind the zeros: they were lost here, not with a segment.
            Some(_) if !self.only_zeros_follow(segment)? => {
                Err(self.corrupt(segment, "zeros stand where a batch should"))
            }
            Some(&found) => {
                let following = Segment::open(&*self.directory, found)?;
                Err(LogError::Gap { file: self.path(&following), offset: 0, expected: self.next, found })
            }
            None => Err(self.corrupt(segment, "zeros stand where a batch should")),
        }
    }

    fn only_zeros_follow(&self, segment: &Segment) -> Result<bool, LogError> {
        let mut at = self.position;
        loop {
            let bytes = self.load_at(segment, at, CHUNK)?;
            if bytes.is_empty() {
                return Ok(true);
            }
            if !all_zeros(&bytes) {
                return Ok(false);
            }
            at += bytes.len() as u64;
        }
    }

    fn load(&self, segment: &Segment, need: usize) -> Result<Bytes, LogError> {
        self.load_at(segment, self.position, need)
    }

    fn load_at(&self, segment: &Segment, at: u64, need: usize) -> Result<Bytes, LogError> {
        let remaining = usize::try_from(segment.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; need.min(remaining)];
        let read =
            segment.file.read_at(&mut bytes, at).map_err(|source| io("read", &self.path(segment), source))?;
        bytes.truncate(read);
        Ok(Bytes::from(bytes))
    }

    fn gap(&self, segment: &Segment, expected: u64, found: u64) -> LogError {
        LogError::Gap { file: self.path(segment), offset: self.position, expected, found }
    }

    fn corrupt(&self, segment: &Segment, reason: &str) -> LogError {
        corrupt(&*self.directory, &segment.name, self.position, reason)
    }

    fn path(&self, segment: &Segment) -> PathBuf {
        self.directory.path().join(&segment.name)
    }
}
