//! Annotations of a store by which a user asks for something once: each new value asks again. What was answered is
//! recorded beside what was made.

/// A new authority, published in the bundle before it issues.
pub const ROLL_AUTHORITY: &str = "kivi.dev/roll-authority";

/// A new certificate by the same authority.
pub const ROTATE_CERTIFICATE: &str = "kivi.dev/rotate-certificate";
