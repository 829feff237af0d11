//! What a user of Kivi sees on a real Kubernetes. Needs a cluster: `make cluster-test`.
//!
//! Each test has a namespace of its own, in which the restricted pod security profile is enforced.

// Helpers of tests may panic as tests do; clippy's own exception covers only `#[test]` functions.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod admission;
mod backup;
mod claims;
mod data;
mod deletion;
mod drift;
mod handshake;
mod isolation;
mod issuer;
mod lifecycle;
mod plugin;
mod pods;
mod readiness;
mod references;
mod restarts;
mod rotation;
mod sidecar;
mod stage;
mod status;
mod tracing;
mod volumes;
