//! One key in memory: a single allocation that holds the key, its value and what is known about it.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use triomphe::ThinArc;

use crate::{Change, Effect, HashedKey, LogEntry, Record};

/// The present value of a key. Cheap to clone; the value is shared with the store, not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Bytes,
    /// Its media type, as the writer named it.
    pub media_type: Option<Arc<str>>,
    /// The sequence of the log entry that wrote it.
    pub revision: u64,
    /// When it was accepted, to the millisecond.
    pub modified: SystemTime,
    /// From when on it is gone, to the millisecond.
    pub expires: Option<SystemTime>,
}

/// The present value of a key where it lies in memory.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The value.
    pub value: &'a [u8],
    /// Its media type, as the writer named it.
    pub media_type: Option<&'a str>,
    /// The sequence of the log entry that wrote it.
    pub revision: u64,
    /// When it was accepted, to the millisecond.
    pub modified: SystemTime,
    /// From when on it is gone, to the millisecond.
    pub expires: Option<SystemTime>,
}

/// A key and its value, packed: behind a fixed part, for an uncommon media type its length (2 bytes) and bytes, for a
/// deadline its 8 bytes, then key and value.
///
/// A pointer of one word in each index and one allocation a key is what keeps a small key small.
#[derive(Clone)]
pub(super) struct Packed(ThinArc<Fixed, u8>);

#[derive(Clone, Copy)]
struct Fixed {
    revision: u64,
    written_ms: u64,
    key_length: u32,
    media_code: u8,
    has_deadline: bool,
}

/// What is packed.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) revision: u64,
    pub(super) written_ms: u64,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) media_type: Option<&'a str>,
    pub(super) expires_ms: Option<u64>,
}

/// No media type was named.
const NONE: u8 = 0;
/// The media type stands in the entry.
const INLINE: u8 = u8::MAX;
/// The media types that take no memory: the code is the place in this list, from 1.
const COMMON: [&str; 12] = [
    "application/octet-stream",
    "application/json",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/yaml",
    "application/protobuf",
    "application/json; charset=utf-8",
    "text/plain",
    "text/plain; charset=utf-8",
    "text/plain;charset=utf-8",
    "text/html",
    "text/html; charset=utf-8",
];
static SHARED: LazyLock<[Arc<str>; COMMON.len()]> = LazyLock::new(|| COMMON.map(Arc::from));

/// What memory one entry takes besides its bytes: 40 for the count and the fixed part, 20 for the allocator's own, 16
/// for the slot of the hash table and 12 for that of the order, both at a mean load.
pub(super) const OVERHEAD: u64 = 88;
/// What one takes in the log besides its bytes.
pub(super) const LOGGED: u64 = 32;
/// What a deadline takes besides: its bytes, and its place among the deadlines.
const DEADLINE: u64 = 40;

/// What an entry with these parts is counted as, in bytes.
pub(super) fn weight(key: &[u8], value: &[u8], media_type: Option<&str>, expires: bool) -> u64 {
    let media_type = media_type.filter(|name| !COMMON.contains(name)).map_or(0, |name| 2 + name.len());
    let deadline = if expires { DEADLINE } else { 0 };
    OVERHEAD + deadline + as_u64(key.len()) + as_u64(value.len()) + as_u64(media_type)
}

impl Packed {
    /// `scratch` is room to assemble it in, so that a small entry costs one allocation.
    pub(super) fn new(parts: Parts<'_>, scratch: &mut Vec<u8>) -> Self {
        let Parts { revision, written_ms, key, value, media_type, expires_ms } = parts;
        scratch.clear();
        let code = media_type.map(|name| (name, COMMON.iter().zip(1..).find(|(common, _)| **common == name)));
        let media_code = match code {
            None => NONE,
            Some((_, Some((_, code)))) => code,
            // Media types beyond 64 KiB are refused before they get here.
            Some((name, None)) => {
                scratch.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
                scratch.extend_from_slice(name.as_bytes());
                INLINE
            }
        };
        if let Some(expires_ms) = expires_ms {
            scratch.extend_from_slice(&expires_ms.to_le_bytes());
        }
        scratch.extend_from_slice(key);
        scratch.extend_from_slice(value);
        let fixed = Fixed {
            revision,
            written_ms,
            // Keys beyond 4 GiB are refused before they get here.
            key_length: u32::try_from(key.len()).unwrap_or(u32::MAX),
            media_code,
            has_deadline: expires_ms.is_some(),
        };
        Self(ThinArc::from_header_and_slice(fixed, scratch))
    }

    pub(super) fn revision(&self) -> u64 {
        self.fixed().revision
    }

    pub(super) fn key(&self) -> &[u8] {
        let start = self.key_start();
        &self.0.slice[start..start + self.fixed().key_length as usize]
    }

    pub(super) fn value(&self) -> &[u8] {
        &self.0.slice[self.value_start()..]
    }

    pub(super) fn weight(&self) -> u64 {
        let deadline = if self.fixed().has_deadline { DEADLINE - 8 } else { 0 };
        OVERHEAD + deadline + as_u64(self.0.slice.len())
    }

    /// The deadline in milliseconds since the Unix epoch.
    pub(super) fn expires_ms(&self) -> Option<u64> {
        let at = self.media_end();
        self.fixed().has_deadline.then(|| u64::from_le_bytes(self.array(at)))
    }

    pub(super) fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_ms().is_some_and(|deadline| deadline <= now_ms)
    }

    pub(super) fn entry(&self) -> Entry {
        Entry {
            value: self.value_bytes(),
            media_type: self.media_type(),
            revision: self.revision(),
            modified: time(self.fixed().written_ms),
            expires: self.expires_ms().map(time),
        }
    }

    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            value: self.value(),
            media_type: self.media_name(),
            revision: self.revision(),
            modified: time(self.fixed().written_ms),
            expires: self.expires_ms().map(time),
        }
    }

    /// The key as bytes that share this allocation.
    pub(super) fn key_bytes(&self) -> Bytes {
        let start = self.key_start();
        Bytes::from_owner(Share {
            packed: self.clone(),
            part: start..start + self.fixed().key_length as usize,
        })
    }

    /// As the state's hash sees it.
    pub(super) fn hashed(&self) -> HashedKey<'_> {
        HashedKey {
            key: self.key(),
            revision: self.revision(),
            written_ms: self.fixed().written_ms,
            expires_ms: self.expires_ms(),
            media_type: self.media_name(),
            value: self.value(),
        }
    }

    /// The put that wrote it.
    pub(super) fn log_entry(&self) -> LogEntry {
        let effect = Effect::Put {
            value: self.value_bytes(),
            media_type: self.media_type(),
            expires_ms: self.expires_ms(),
        };
        let changes = [Change { key: self.key_bytes(), effect }].into();
        let record = Record { written_ms: self.fixed().written_ms, changes, remembered: None };
        LogEntry { sequence: self.revision(), record }
    }

    fn value_bytes(&self) -> Bytes {
        Bytes::from_owner(Share { packed: self.clone(), part: self.value_start()..self.0.slice.len() })
    }

    fn media_type(&self) -> Option<Arc<str>> {
        match self.fixed().media_code {
            NONE => None,
            INLINE => self.media_name().map(Arc::from),
            code => SHARED.get(usize::from(code) - 1).cloned(),
        }
    }

    fn media_name(&self) -> Option<&str> {
        match self.fixed().media_code {
            NONE => None,
            // It came from a string.
            INLINE => str::from_utf8(&self.0.slice[2..self.media_end()]).ok(),
            code => COMMON.get(usize::from(code) - 1).copied(),
        }
    }

    fn fixed(&self) -> &Fixed {
        &self.0.header.header
    }

    fn media_end(&self) -> usize {
        match self.fixed().media_code {
            INLINE => 2 + usize::from(u16::from_le_bytes(self.array(0))),
            _ => 0,
        }
    }

    fn key_start(&self) -> usize {
        self.media_end() + if self.fixed().has_deadline { 8 } else { 0 }
    }

    fn value_start(&self) -> usize {
        self.key_start() + self.fixed().key_length as usize
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.0.slice[at..at + N]);
        array
    }
}

/// Keeps the packed entry alive as long as somebody reads a part of it.
struct Share {
    packed: Packed,
    part: std::ops::Range<usize>,
}

impl AsRef<[u8]> for Share {
    fn as_ref(&self) -> &[u8] {
        &self.packed.0.slice[self.part.clone()]
    }
}

/// The time so many milliseconds after the Unix epoch.
pub(super) fn time(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{COMMON, Packed, Parts, time, weight};

    proptest! {
        #[test]
        fn what_is_packed_comes_back_byte_for_byte(
            key in prop::collection::vec(any::<u8>(), 1..300),
            value in prop::collection::vec(any::<u8>(), 0..2000),
            media_type in prop::option::of(prop_oneof![".{0,60}", prop::sample::select(&COMMON[..]).prop_map(str::to_owned)]),
            expires_ms in prop::option::of(0..1_u64 << 50),
            revision: u64,
            written_ms in 0..1_u64 << 50,
        ) {
            let parts = Parts { revision, written_ms, key: &key, value: &value, media_type: media_type.as_deref(), expires_ms };
            let packed = Packed::new(parts, &mut Vec::new());
            prop_assert_eq!(packed.key(), &key[..]);
            let entry = packed.entry();
            prop_assert_eq!(&entry.value[..], &value[..]);
            prop_assert_eq!(entry.media_type.as_deref(), media_type.as_deref());
            prop_assert_eq!(entry.revision, revision);
            prop_assert_eq!(entry.modified, time(written_ms));
            prop_assert_eq!(entry.expires, expires_ms.map(time));
            prop_assert_eq!(packed.weight(), weight(&key, &value, media_type.as_deref(), expires_ms.is_some()));
        }
    }
}
