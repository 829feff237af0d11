//! One key in memory: a single allocation that holds the key, its value and what is known about it.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;

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
}

/// A key and its value, packed: revision (8 bytes), time (8), key length (4), media type code (1), for an uncommon
/// media type its length (2) and bytes, then key and value.
///
/// A pointer of two words in the index and one allocation a key is what keeps a small key small.
#[derive(Clone)]
pub(super) struct Packed(Arc<[u8]>);

/// Bytes of a packed entry before the media type's own.
const FIXED: usize = 8 + 8 + 4 + 1;
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

/// What memory one entry takes besides its bytes: two reference counts, the fixed part, the slot in the index at a
/// mean load, and the allocator's own.
const OVERHEAD: u64 = 80;

/// What an entry with these parts is counted as, in bytes.
pub(super) fn weight(key: &[u8], value: &[u8], media_type: Option<&str>) -> u64 {
    let media_type = media_type.filter(|name| !COMMON.contains(name)).map_or(0, |name| 2 + name.len());
    OVERHEAD + as_u64(key.len()) + as_u64(value.len()) + as_u64(media_type)
}

impl Packed {
    /// `scratch` is room to assemble it in, so that a small entry costs one allocation.
    pub(super) fn new(
        revision: u64,
        written_ms: u64,
        key: &[u8],
        value: &[u8],
        media_type: Option<&str>,
        scratch: &mut Vec<u8>,
    ) -> Self {
        scratch.clear();
        scratch.extend_from_slice(&revision.to_le_bytes());
        scratch.extend_from_slice(&written_ms.to_le_bytes());
        // Keys beyond 4 GiB and media types beyond 64 KiB are refused before they get here.
        scratch.extend_from_slice(&u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes());
        match media_type.map(|name| (name, COMMON.iter().zip(1..).find(|(common, _)| **common == name))) {
            None => scratch.push(NONE),
            Some((_, Some((_, code)))) => scratch.push(code),
            Some((name, None)) => {
                scratch.push(INLINE);
                scratch.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
                scratch.extend_from_slice(name.as_bytes());
            }
        }
        scratch.extend_from_slice(key);
        scratch.extend_from_slice(value);
        Self(Arc::from(scratch.as_slice()))
    }

    pub(super) fn revision(&self) -> u64 {
        u64::from_le_bytes(self.array(0))
    }

    pub(super) fn key(&self) -> &[u8] {
        let start = self.key_start();
        &self.0[start..start + self.key_length()]
    }

    pub(super) fn weight(&self) -> u64 {
        OVERHEAD + as_u64(self.0.len() - FIXED)
    }

    pub(super) fn entry(&self) -> Entry {
        let start = self.key_start() + self.key_length();
        Entry {
            value: Bytes::from_owner(Value { packed: self.clone(), start }),
            media_type: self.media_type(),
            revision: self.revision(),
            modified: UNIX_EPOCH + Duration::from_millis(u64::from_le_bytes(self.array(8))),
        }
    }

    fn media_type(&self) -> Option<Arc<str>> {
        match self.0[FIXED - 1] {
            NONE => None,
            INLINE => {
                let name = &self.0[FIXED + 2..self.key_start()];
                Some(Arc::from(String::from_utf8_lossy(name).as_ref()))
            }
            code => SHARED.get(usize::from(code) - 1).cloned(),
        }
    }

    fn key_length(&self) -> usize {
        u32::from_le_bytes(self.array(16)) as usize
    }

    fn key_start(&self) -> usize {
        match self.0[FIXED - 1] {
            INLINE => FIXED + 2 + usize::from(u16::from_le_bytes(self.array(FIXED))),
            _ => FIXED,
        }
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.0[at..at + N]);
        array
    }
}

/// Keeps the packed entry alive as long as somebody reads its value.
struct Value {
    packed: Packed,
    start: usize,
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        &self.packed.0[self.start..]
    }
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{COMMON, Packed, weight};

    proptest! {
        #[test]
        fn what_is_packed_comes_back_byte_for_byte(
            key in prop::collection::vec(any::<u8>(), 1..300),
            value in prop::collection::vec(any::<u8>(), 0..2000),
            media_type in prop::option::of(prop_oneof![".{0,60}", prop::sample::select(&COMMON[..]).prop_map(str::to_owned)]),
            revision: u64,
            written_ms in 0..1_u64 << 50,
        ) {
            let packed =
                Packed::new(revision, written_ms, &key, &value, media_type.as_deref(), &mut Vec::new());
            prop_assert_eq!(packed.key(), &key[..]);
            let entry = packed.entry();
            prop_assert_eq!(&entry.value[..], &value[..]);
            prop_assert_eq!(entry.media_type.as_deref(), media_type.as_deref());
            prop_assert_eq!(entry.revision, revision);
            let modified = entry.modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
            prop_assert_eq!(modified, u128::from(written_ms));
            prop_assert_eq!(packed.weight(), weight(&key, &value, media_type.as_deref()));
        }
    }
}
