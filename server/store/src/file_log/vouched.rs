//! What the log thread tells everybody else.

/// What the log stands for at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vouched {
    /// The sequence of the last record it vouches for.
    pub(super) tail: u64,
    /// Whether more may come.
    pub(super) open: bool,
}
