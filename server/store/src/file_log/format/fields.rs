//! Little-endian numbers at fixed places. A place beyond the end reads as `None`.

pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// Whether there is nothing but zeros. Looks at many at a time, where the next one alone would tell whether to go on.
pub(in crate::file_log) fn all_zeros(bytes: &[u8]) -> bool {
    bytes.chunks(1 << 10).all(|some| some.iter().fold(0, |all, byte| all | byte) == 0)
}
