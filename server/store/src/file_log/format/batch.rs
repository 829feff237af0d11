//! The frame around a batch of records: its length, its place, what it proves, and its salted checksum.

use super::fields::{u32_at, u64_at};

/// The length of a batch header, in bytes.
pub(in crate::file_log) const BATCH_HEADER: usize = 28;

/// A batch whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::file_log) struct Batch {
    /// The sequence of its first record; of a mark, of the next record to come.
    pub(in crate::file_log) first_sequence: u64,
    /// The highest sequence that was durable when it was written.
    pub(in crate::file_log) durable: u64,
    /// How many records it holds.
    pub(in crate::file_log) count: u32,
    /// The length of its records, in bytes.
    pub(in crate::file_log) payload: usize,
}

/// What stands at a place in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::file_log) enum Frame {
    /// A batch.
    Batch(Batch),
    /// Zeros, or the end of the file.
    End,
    /// To tell, this many bytes from the same place are needed.
    Partial(usize),
    /// Neither: what is wrong.
    Bad(&'static str),
}

/// Completes a batch in place: `bytes` is a header's room followed by the encoded records.
pub(in crate::file_log) fn seal(bytes: &mut [u8], salt: u32, first_sequence: u64, durable: u64, count: u32) {
    // Batches are far smaller than 4 GiB: a record is at most a key and a value of 1 GiB each.
    let payload = u32::try_from(bytes.len() - BATCH_HEADER).unwrap_or(u32::MAX);
    bytes[4..8].copy_from_slice(&payload.to_le_bytes());
    bytes[8..16].copy_from_slice(&first_sequence.to_le_bytes());
    bytes[16..24].copy_from_slice(&durable.to_le_bytes());
    bytes[24..28].copy_from_slice(&count.to_le_bytes());
    let checksum = crc32c::crc32c_append(salt, &bytes[4..]);
    bytes[..4].copy_from_slice(&checksum.to_le_bytes());
}

/// Reads what stands at the start of `bytes`, of which `remaining` follow in the file.
pub(in crate::file_log) fn frame(bytes: &[u8], remaining: u64, salt: u32) -> Frame {
    let header = BATCH_HEADER as u64;
    if remaining < header {
        let cut_off = bytes.iter().any(|byte| *byte != 0);
        return if cut_off {
            Frame::Bad("a batch header is cut off by the end of the file")
        } else {
            Frame::End
        };
    }
    let Some(head) = bytes.get(..BATCH_HEADER) else { return Frame::Partial(BATCH_HEADER) };
    if head.iter().all(|byte| *byte == 0) {
        return Frame::End;
    }
    let (Some(checksum), Some(payload), Some(batch)) = (u32_at(head, 0), u32_at(head, 4), batch(head)) else {
        return Frame::Partial(BATCH_HEADER);
    };
    if u64::from(payload) > remaining - header {
        return Frame::Bad("a batch is longer than the rest of the file");
    }
    let end = BATCH_HEADER + batch.payload;
    match bytes.get(4..end) {
        None => Frame::Partial(end),
        Some(covered) if crc32c::crc32c_append(salt, covered) == checksum => Frame::Batch(batch),
        Some(_) => Frame::Bad("a batch does not match its checksum"),
    }
}

/// Whether the bytes could begin a batch that proves `sequence` durable: a cheap look before its checksum is made.
/// `remaining` bounds how many records can stand before it.
pub(in crate::file_log) fn claims(bytes: &[u8], sequence: u64, remaining: u64) -> bool {
    follows(bytes, sequence, remaining)
        && batch(bytes).is_some_and(|batch| batch.durable >= sequence && batch.durable < batch.first_sequence)
}

/// Whether the bytes could begin a batch that stands somewhere behind the one that would begin with `sequence`: a cheap
/// look before its checksum is made. `remaining` bounds how many records can stand before it.
pub(in crate::file_log) fn follows(bytes: &[u8], sequence: u64, remaining: u64) -> bool {
    batch(bytes).is_some_and(|batch| {
        batch.first_sequence.checked_sub(sequence).is_some_and(|between| between <= remaining)
            && batch.payload as u64 <= remaining
    })
}

fn batch(head: &[u8]) -> Option<Batch> {
    Some(Batch {
        first_sequence: u64_at(head, 8)?,
        durable: u64_at(head, 16)?,
        count: u32_at(head, 24)?,
        payload: u32_at(head, 4)? as usize,
    })
}
