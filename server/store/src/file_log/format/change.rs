//! One change inside a record.
//!
//! ```text
//! change  kind 1 | flags 1 | media type length 2 | key length 4 | value length 4 | [expires 8] | media type | key | value
//! ```

use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::{
    error::RecordError,
    fields::{u16_at, u32_at, u64_at},
};
use crate::{Change, Effect};

/// The length of a change's fixed part, in bytes.
const FIXED: usize = 12;

/// Kinds of changes. A record of several has a kind of its own.
const PUT: u8 = 1;
const DELETE: u8 = 2;
const EXPIRE: u8 = 3;

/// Flags: which optional parts follow. A reader refuses flags it does not know.
const MEDIA_TYPE: u8 = 1;
const EXPIRES: u8 = 2;
/// The flags of a change; the others are its record's.
const FLAGS: u8 = MEDIA_TYPE | EXPIRES;

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

/// Appends a change, with `more` flags of its record. Lengths fit their fields: the store refuses longer ones.
pub(super) fn encode(payload: &mut Vec<u8>, change: &Change, more: u8) {
    let (kind, value, media_type, expires_ms) = match &change.effect {
        Effect::Put { value, media_type, expires_ms } => {
            (PUT, &value[..], media_type.as_deref(), *expires_ms)
        }
        Effect::Delete => (DELETE, &[][..], None, None),
        Effect::Expire => (EXPIRE, &[][..], None, None),
    };
    let flags =
        if media_type.is_some() { MEDIA_TYPE } else { 0 } | if expires_ms.is_some() { EXPIRES } else { 0 };
    let media_type = media_type.unwrap_or_default().as_bytes();
    payload.reserve(FIXED + 8 + media_type.len() + change.key.len() + value.len());
    payload.extend_from_slice(&[kind, flags | more]);
    payload.extend_from_slice(&u16::try_from(media_type.len()).unwrap_or(u16::MAX).to_le_bytes());
    payload.extend_from_slice(&u32::try_from(change.key.len()).unwrap_or(u32::MAX).to_le_bytes());
    payload.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    if let Some(expires_ms) = expires_ms {
        payload.extend_from_slice(&expires_ms.to_le_bytes());
    }
    payload.extend_from_slice(media_type);
    payload.extend_from_slice(&change.key);
    payload.extend_from_slice(value);
}

/// Takes a change from the front of a payload; its key and value share the payload's memory. `more` flags are its
/// record's, which has looked at them.
pub(super) fn decode(
    payload: &mut Bytes,
    more: u8,
    media_types: &mut MediaTypes,
) -> Result<Change, RecordError> {
    const CUT: RecordError = RecordError::Bad("a record is longer than its batch");
    let (Some(&kind), Some(&flags)) = (payload.first(), payload.get(1)) else { return Err(CUT) };
    if flags & !(FLAGS | more) != 0 {
        return Err(RecordError::Bad("a record has flags that this version does not know"));
    }
    let media_length = usize::from(u16_at(payload, 2).ok_or(CUT)?);
    let key_length = u32_at(payload, 4).ok_or(CUT)? as usize;
    let value_length = u32_at(payload, 8).ok_or(CUT)? as usize;
    let (at, expires_ms) = if flags & EXPIRES == 0 {
        (FIXED, None)
    } else {
        (FIXED + 8, Some(u64_at(payload, FIXED).ok_or(CUT)?))
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
    let effect = match kind {
        PUT => Effect::Put { value: payload.slice(key_end..end), media_type, expires_ms },
        DELETE => Effect::Delete,
        EXPIRE => Effect::Expire,
        _ => return Err(RecordError::Bad("a record has a kind that this version does not know")),
    };
    payload.advance(end);
    Ok(Change { key, effect })
}
