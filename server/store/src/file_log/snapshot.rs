//! Snapshots as bytes: the file that a compacted log begins with, and the stream that a copy of a store is made from.
//!
//! ```text
//! snapshot  header 64, whose first sequence is the one that the log goes on with | batches | end
//! batch     as in a segment; its first sequence counts the records before it, and its records have sequences of their own
//! end       a batch without records whose payload is: records 8 | state hash 8
//! ```

mod decoder;
mod encoder;
pub(super) mod files;
pub(super) mod hashed;

pub(super) use self::decoder::{Decoder, Part};
pub use self::{
    decoder::{Inspected, inspect},
    encoder::SnapshotEncoder,
};
