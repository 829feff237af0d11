//! How long what the sidecar keeps outlives a write that did not pass it: the real server's changes, the real sidecar's
//! cache, one reader, and no other writer or sixteen.
//!
//! `cargo bench -p kivi-sidecar --bench staleness`
#![allow(clippy::unwrap_used, reason = "the support of the tests, which end at the first failure")]

use std::time::Duration;

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/sidecar/support/mod.rs"]
mod support;

/// Writes that are followed.
const WRITES: usize = 5_000;
/// What is promised (`docs/sidecar.md`, the feed of changes).
const PROMISE: Duration = Duration::from_secs(10);

#[tokio::main(worker_threads = 2)]
async fn main() {
    for others in [0, 16] {
        let found = support::stalenesses(WRITES, others, PROMISE).await;
        let at = |percent: usize| found[(found.len() - 1) * percent / 100];
        let late = found.iter().filter(|staleness| !staleness.is_zero()).count();
        println!(
            "{others} other writers: {late} of {WRITES} writes seen late; p50 {:?}, p99 {:?}, at most {:?}",
            at(50),
            at(99),
            at(100)
        );
    }
}
