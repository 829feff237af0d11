//! The annotations of a store that its user sets, each to ask for something once: another value asks again. What was
//! answered is recorded beside what was made.

/// Any other value than before restarts the store's pods, once. Taking it away restarts nothing.
pub const RESTART: &str = "kivi.dev/restart";

/// Any other value than before has a new authority made, which is published in the bundle before it issues.
pub const ROLL_AUTHORITY: &str = "kivi.dev/roll-authority";

/// Any other value than before has the authority issue a new certificate.
pub const ROTATE_CERTIFICATE: &str = "kivi.dev/rotate-certificate";
