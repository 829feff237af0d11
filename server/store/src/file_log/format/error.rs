//! Why bytes are no record.

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
