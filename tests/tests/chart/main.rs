//! The Helm chart `charts/kivi-operator`, rendered by a real helm: what an installer gets.
//!
//! Needs no cluster. `KIVI_HELM` names the helm to use; without it the one of `kivi-cluster tool helm` is used.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this crate is tests; clippy.toml's leave reaches #[test] functions only"
)]

mod crd;
mod documents;
mod helm;
mod notes;
mod rbac;
mod rendering;
mod values;
mod workload;
