//! etcd, on the loopback of the node's network namespace, which pods do not share.

use super::Daemon;
use crate::{Layout, tools::Binaries};

/// Where the API server finds it.
pub(crate) const URL: &str = "http://127.0.0.1:2379";
const PEER_URL: &str = "http://127.0.0.1:2380";

pub(super) fn daemon(layout: &Layout, binaries: &Binaries) -> Daemon {
    Daemon {
        program: binaries.etcd(),
        arguments: vec![
            "--name=kivi".to_owned(),
            format!("--data-dir={}", layout.etcd().display()),
            format!("--listen-client-urls={URL}"),
            format!("--advertise-client-urls={URL}"),
            format!("--listen-peer-urls={PEER_URL}"),
            format!("--initial-advertise-peer-urls={PEER_URL}"),
            format!("--initial-cluster=kivi={PEER_URL}"),
            "--log-level=warn".to_owned(),
        ],
        files: Vec::new(),
    }
}
