//! The first bytes of a segment, a snapshot, a manifest and an excerpt: whose it is, and where in the log.

use super::fields::{array, u32_at, u64_at};

/// The length of a segment header, in bytes.
pub(in crate::file_log) const HEADER: usize = 64;
/// The version of the format that is written, and the only one that is read.
pub(in crate::file_log) const VERSION: u32 = 1;

/// The highest sequence a header may name. Nobody writes that many records, and sums with it stay within 64 bits.
pub(in crate::file_log) const MAX_SEQUENCE: u64 = 1 << 62;

/// What begins with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::file_log) enum Kind {
    Segment,
    Snapshot,
    Manifest,
    Excerpt,
}

const CHECKSUM: usize = HEADER - 4;

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::file_log) struct Header {
    /// Made at random for each segment; part of the checksum of its batches.
    pub(in crate::file_log) salt: u32,
    /// Made at random when the log began; the same in all of its segments.
    pub(in crate::file_log) store_id: [u8; 16],
    /// The sequence of the first record in it.
    pub(in crate::file_log) first_sequence: u64,
    /// The length that the segment was made with, in bytes; 0 in snapshots and excerpts, and in the segments of a log from before
    /// there were manifests.
    pub(in crate::file_log) length: u64,
}

impl Kind {
    fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Segment => b"KiviLog\0",
            Self::Snapshot => b"KiviSnap",
            Self::Manifest => b"KiviMani",
            Self::Excerpt => b"KiviExcp",
        }
    }
}

/// Why bytes are no header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::file_log) enum HeaderError {
    /// They are damaged, or were never one.
    Corrupt(&'static str),
    /// They are one of another version.
    ForeignVersion(u32),
}

impl Header {
    pub(in crate::file_log) fn encode(&self, kind: Kind) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(kind.magic());
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.salt.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.store_id);
        bytes[32..40].copy_from_slice(&self.first_sequence.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.length.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM]);
        bytes[CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(in crate::file_log) fn decode(bytes: &[u8], kind: Kind) -> Result<Self, HeaderError> {
        let truncated = HeaderError::Corrupt("the header is cut short");
        if array(bytes, 0).ok_or_else(|| truncated.clone())? != *kind.magic() {
            return Err(HeaderError::Corrupt("it does not begin as a file of its name does"));
        }
        // The version comes before the checksum: another version may place that elsewhere.
        match u32_at(bytes, 8).ok_or_else(|| truncated.clone())? {
            VERSION => {}
            found => return Err(HeaderError::ForeignVersion(found)),
        }
        let checksum = u32_at(bytes, CHECKSUM).ok_or_else(|| truncated.clone())?;
        if crc32c::crc32c(&bytes[..CHECKSUM]) != checksum {
            return Err(HeaderError::Corrupt("the header does not match its checksum"));
        }
        let fields = (u32_at(bytes, 12), array(bytes, 16), u64_at(bytes, 32), u64_at(bytes, 40));
        let (Some(salt), Some(store_id), Some(first_sequence), Some(length)) = fields else {
            return Err(truncated);
        };
        if !(1..=MAX_SEQUENCE).contains(&first_sequence) {
            return Err(HeaderError::Corrupt("the header names a sequence that no log has"));
        }
        Ok(Self { salt, store_id, first_sequence, length })
    }
}

#[cfg(test)]
mod tests {
    use super::{CHECKSUM, HEADER, Header, HeaderError, Kind, MAX_SEQUENCE};

    const HEADER_OF_SEVEN: Header =
        Header { salt: 0xfeed_beef, store_id: *b"0123456789abcdef", first_sequence: 7, length: 1 << 26 };

    #[test]
    fn a_header_comes_back_and_no_flipped_bit_passes() {
        let bytes = HEADER_OF_SEVEN.encode(Kind::Segment);
        assert_eq!(Header::decode(&bytes, Kind::Segment), Ok(HEADER_OF_SEVEN));
        for bit in 0..HEADER * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&damaged, Kind::Segment).is_err(), "bit {bit}");
        }
        for length in 0..HEADER {
            assert!(Header::decode(&bytes[..length], Kind::Segment).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_snapshot_is_no_segment() {
        assert!(Header::decode(&HEADER_OF_SEVEN.encode(Kind::Snapshot), Kind::Segment).is_err());
    }

    #[test]
    fn a_sequence_that_no_log_has_is_refused() {
        for first_sequence in [0, MAX_SEQUENCE + 1, u64::MAX] {
            let bytes = Header { first_sequence, ..HEADER_OF_SEVEN }.encode(Kind::Segment);
            assert!(Header::decode(&bytes, Kind::Segment).is_err(), "{first_sequence}");
        }
    }

    #[test]
    fn another_version_is_named_whatever_its_checksum() {
        let mut bytes = HEADER_OF_SEVEN.encode(Kind::Segment);
        bytes[8] = 2;
        bytes[CHECKSUM..].fill(0xff);
        assert_eq!(Header::decode(&bytes, Kind::Segment), Err(HeaderError::ForeignVersion(2)));
    }
}
