//! Excerpts of a log as bytes: entries without a gap, for an archive that a restore goes on from.
//!
//! ```text
//! excerpt   header 64, whose first sequence is that of the first entry | batches | end
//! batch     as in a segment
//! end       a batch without records whose payload is: records 8 | last sequence 8
//! ```
//! An excerpt may be of no entries; its last sequence is then the one before its first.

mod decoder;
mod encoder;

pub use self::{decoder::ExcerptReader, encoder::Excerpt};
