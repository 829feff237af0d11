//! The binary format of a segment: a header, then batches of records, then zeros. All numbers are little-endian.
//! Pure: bytes in, values out.
//!
//! ```text
//! segment  magic 8 | version 4 | salt 4 | store id 16 | first sequence 8 | length 8 | zeros 12 | checksum 4
//! batch    checksum 4 | payload length 4 | first sequence 8 | durable sequence 8 | count 4 | payload
//! ```
//! The records of a batch are in [`record`], their changes in [`change`].
//!
//! A checksum is CRC-32C (RFC 3720, appendix B.4). A batch's covers all that follows it and starts from the segment's
//! salt, so that bytes of another segment never pass. The durable sequence is the highest one that was durable
//! when the batch was written: what proves that earlier damage is corruption. A batch without records is a mark that
//! only says this. A batch header of zeros is the end.

mod batch;
mod change;
mod error;
mod fields;
mod header;
mod record;

pub(super) use self::{
    batch::{BATCH_HEADER, Batch, Frame, claims, follows, frame, seal},
    change::MediaTypes,
    error::RecordError,
    fields::all_zeros,
    header::{HEADER, Header, HeaderError, Kind, MAX_SEQUENCE, VERSION},
    record::{decode, decode_any, encode},
};
