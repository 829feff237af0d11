//! One record inside a batch.
//!
//! ```text
//! record      sequence 8 | written 8 | change | [remembered]
//!             sequence 8 | written 8 | kind 1 | flags 1 | count 4 | changes | [remembered]
//! remembered  id length 1 | operations 4 | fingerprint 16 | id | one byte an operation
//! ```

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

use super::{
    change::{self, MediaTypes},
    error::RecordError,
    fields::{array, u32_at, u64_at},
};
use crate::{Changes, LogEntry, Record, Remembered};

/// The kind of a record whose changes are counted; its other kinds are those of its one change.
const COUNTED: u8 = 4;
/// The flag of a record that names its request; the other flags are those of its one change.
const REMEMBERED: u8 = 4;

/// Where the kind stands, in bytes.
const KIND: usize = 16;
const CUT: RecordError = RecordError::Bad("a record is longer than its batch");

/// Appends a record to a batch's payload. Lengths fit their fields: the store refuses longer ones.
pub(in crate::file_log) fn encode(payload: &mut Vec<u8>, sequence: u64, record: &Record) {
    payload.extend_from_slice(&sequence.to_le_bytes());
    payload.extend_from_slice(&record.written_ms.to_le_bytes());
    let flags = if record.remembered.is_some() { REMEMBERED } else { 0 };
    if let [only] = &record.changes[..] {
        change::encode(payload, only, flags);
    } else {
        payload.extend_from_slice(&[COUNTED, flags]);
        payload.extend_from_slice(&count(record.changes.len()).to_le_bytes());
        for each in &record.changes {
            change::encode(payload, each, 0);
        }
    }
    if let Some(Remembered { id, fingerprint, existed }) = record.remembered.as_deref() {
        payload.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
        payload.extend_from_slice(&count(existed.len()).to_le_bytes());
        payload.extend_from_slice(fingerprint);
        payload.extend_from_slice(id);
        payload.extend(existed.iter().map(|existed| u8::from(*existed)));
    }
}

/// Takes the record `sequence` from the front of a payload; its keys and values share the payload's memory.
pub(in crate::file_log) fn decode(
    payload: &mut Bytes,
    sequence: u64,
    media_types: &mut MediaTypes,
) -> Result<LogEntry, RecordError> {
    match u64_at(payload, 0).ok_or(CUT)? {
        found if found == sequence => decode_any(payload, media_types),
        found => Err(RecordError::Sequence { found }),
    }
}

/// Takes whatever record stands at the front of a payload.
pub(in crate::file_log) fn decode_any(
    payload: &mut Bytes,
    media_types: &mut MediaTypes,
) -> Result<LogEntry, RecordError> {
    let (Some(sequence), Some(written_ms)) = (u64_at(payload, 0), u64_at(payload, 8)) else {
        return Err(CUT);
    };
    let (Some(&kind), Some(&flags)) = (payload.get(KIND), payload.get(KIND + 1)) else { return Err(CUT) };
    payload.advance(KIND);
    let changes = if kind == COUNTED {
        if flags & !REMEMBERED != 0 {
            return Err(RecordError::Bad("a record has flags that this version does not know"));
        }
        let count = u32_at(payload, 2).ok_or(CUT)?;
        payload.advance(6);
        (0..count).map(|_| change::decode(payload, 0, media_types)).collect::<Result<Changes, _>>()?
    } else {
        SmallVec::from_buf([change::decode(payload, REMEMBERED, media_types)?])
    };
    let remembered = match flags & REMEMBERED {
        0 => None,
        _ => Some(Box::new(remembered(payload)?)),
    };
    Ok(LogEntry { sequence, record: Record { written_ms, changes, remembered } })
}

fn remembered(payload: &mut Bytes) -> Result<Remembered, RecordError> {
    const FIXED: usize = 1 + 4 + 16;
    let id_length = usize::from(*payload.first().ok_or(CUT)?);
    let operations = u32_at(payload, 1).ok_or(CUT)? as usize;
    let fingerprint = array(payload, 5).ok_or(CUT)?;
    let end = FIXED + id_length + operations;
    if payload.len() < end {
        return Err(CUT);
    }
    let id = payload.slice(FIXED..FIXED + id_length);
    let existed = payload[FIXED + id_length..end].iter().map(|byte| *byte != 0).collect();
    payload.advance(end);
    Ok(Remembered { id, fingerprint, existed })
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
