//! What a user sees while the cluster is broken or the operator is replaced. Needs the local cluster: `make cluster-test`.
//!
//! Each test disturbs every store of the cluster, so they run one at a time, and apart from those of `cluster`.

// Helpers of tests may panic as tests do; clippy's own exception covers only `#[test]` functions.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod api_server;
mod leader;
mod namespaces;
mod node;
mod own;
mod proxy;
mod rollouts;
// Most tests here need only a part of it.
#[allow(dead_code)]
#[path = "../cluster/stage.rs"]
mod stage;
mod stores;
mod upgrade;
mod versions;
