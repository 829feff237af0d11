//! What the settings bound of a request.

/// What a request may at most carry; the settings that an answer names when it is hit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// `limits.keyBytes`
    pub(crate) key_bytes: usize,
    /// `limits.valueBytes`
    pub(crate) value_bytes: usize,
    /// `limits.requestBytes`
    pub(crate) request_bytes: usize,
    /// `limits.operations`
    pub(crate) operations: usize,
    /// `limits.watchers`
    pub(crate) watchers: usize,
    /// Whether a sidecar is before this server: a watch that says it is the sidecar's own is then no client's.
    pub(crate) behind_sidecar: bool,
}
