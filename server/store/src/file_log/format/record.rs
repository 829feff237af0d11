//! One record inside a batch.

use std::sync::Arc;

use bytes::Bytes;

use super::fields::{u16_at, u32_at, u64_at};
use crate::{Effect as Change, LogEntry, Record};

/// The length of a record's fixed part, in bytes.
const FIXED: usize = 28;

/// Kinds of change. 3 is kept for the expiry of a key.
const PUT: u8 = 1;
const DELETE: u8 = 2;

/// Flags: which optional parts follow. A reader refuses flags it does not know.
const MEDIA_TYPE: u8 = 1;
const EXPIRES: u8 = 2;

/// Why bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::file_log) enum RecordError {
    /// They say something that was never written.
    Bad(&'static str),
    /// They are one, but of another place in the log.
    Sequence {
        /// The place they claim.
        found: u64,
    },
}

/// Remembers the last media type, since neighbours mostly have the same one.
#[derive(Default)]
pub(in crate::file_log) struct MediaTypes(Option<Arc<str>>);

impl MediaTypes {
    fn intern(&mut self, bytes: &[u8]) -> Result<Arc<str>, RecordError> {
        match &self.0 {
            Some(last) if last.as_bytes() == bytes => Ok(Arc::clone(last)),
            _ => {
                let name =
                    str::from_utf8(bytes).map_err(|_| RecordError::Bad("a media type is not UTF-8"))?;
                let name: Arc<str> = Arc::from(name);
                self.0 = Some(Arc::clone(&name));
                Ok(name)
            }
        }
    }
}

/// Appends a record to a batch's payload. Lengths fit their fields: the store refuses longer ones.
pub(in crate::file_log) fn encode(payload: &mut Vec<u8>, sequence: u64, record: &Record) {
    let (kind, value, media_type, expires_ms) = match &record.changes[0].effect {
        Change::Put { value, media_type, expires_ms } => {
            (PUT, &value[..], media_type.as_deref(), *expires_ms)
        }
        Change::Delete => (DELETE, &[][..], None, None),
        Change::Expire => (3, &[][..], None, None),
    };
    let flags =
        if media_type.is_some() { MEDIA_TYPE } else { 0 } | if expires_ms.is_some() { EXPIRES } else { 0 };
    let media_type = media_type.unwrap_or_default().as_bytes();
    payload.reserve(FIXED + 8 + media_type.len() + record.changes[0].key.len() + value.len());
    payload.extend_from_slice(&sequence.to_le_bytes());
    payload.extend_from_slice(&record.written_ms.to_le_bytes());
    payload.extend_from_slice(&[kind, flags]);
    payload.extend_from_slice(&u16::try_from(media_type.len()).unwrap_or(u16::MAX).to_le_bytes());
    payload.extend_from_slice(&u32::try_from(record.changes[0].key.len()).unwrap_or(u32::MAX).to_le_bytes());
    payload.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    if let Some(expires_ms) = expires_ms {
        payload.extend_from_slice(&expires_ms.to_le_bytes());
    }
    payload.extend_from_slice(media_type);
    payload.extend_from_slice(&record.changes[0].key);
    payload.extend_from_slice(value);
}

/// Takes the record `sequence` from the front of a payload; its key and value share the payload's memory.
pub(in crate::file_log) fn decode(
    payload: &mut Bytes,
    sequence: u64,
    media_types: &mut MediaTypes,
) -> Result<LogEntry, RecordError> {
    const CUT: RecordError = RecordError::Bad("a record is longer than its batch");
    let found = u64_at(payload, 0).ok_or(CUT)?;
    if found != sequence {
        return Err(RecordError::Sequence { found });
    }
    let written_ms = u64_at(payload, 8).ok_or(CUT)?;
    let (Some(&kind), Some(&flags)) = (payload.get(16), payload.get(17)) else { return Err(CUT) };
    if flags & !(MEDIA_TYPE | EXPIRES) != 0 {
        return Err(RecordError::Bad("a record has flags that this version does not know"));
    }
    let media_length = usize::from(u16_at(payload, 18).ok_or(CUT)?);
    let key_length = u32_at(payload, 20).ok_or(CUT)? as usize;
    let value_length = u32_at(payload, 24).ok_or(CUT)? as usize;
    let mut at = FIXED;
    let expires_ms = if flags & EXPIRES == 0 {
        None
    } else {
        at += 8;
        Some(u64_at(payload, FIXED).ok_or(CUT)?)
    };
    let media_end = at + media_length;
    let key_end = media_end + key_length;
    let end = key_end + value_length;
    if payload.len() < end {
        return Err(CUT);
    }
    if key_length == 0 {
        return Err(RecordError::Bad("a record has an empty key"));
    }
    let media_type = match flags & MEDIA_TYPE {
        0 => None,
        _ => Some(media_types.intern(&payload[at..media_end])?),
    };
    let key = payload.slice(media_end..key_end);
    let change = match kind {
        PUT => Change::Put { value: payload.slice(key_end..end), media_type, expires_ms },
        DELETE => Change::Delete,
        3 => Change::Expire,
        _ => return Err(RecordError::Bad("a record has a kind that this version does not know")),
    };
    bytes::Buf::advance(payload, end);
    Ok(LogEntry { sequence, record: Record::of(key, written_ms, change) })
}
