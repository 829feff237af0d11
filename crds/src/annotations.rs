//! The annotations of a store that its user sets.

/// Any other value than before restarts the store's pods, once. Taking it away restarts nothing.
pub const RESTART: &str = "kivi.dev/restart";
