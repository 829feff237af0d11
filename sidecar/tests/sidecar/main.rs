//! The whole sidecar in this process, in front of a small server that the tests write.

#![allow(clippy::unwrap_used, reason = "a helper of tests may fail as a test does")]

mod auth;
mod coalescing;
mod docs;
mod drain;
mod failures;
mod feed;
mod feed_breaks;
mod framing;
mod guesses;
mod lane;
mod limits;
mod process;
mod proxying;
mod purge;
mod readiness;
mod reload;
mod shared;
mod stale;
mod support;
mod tls;
