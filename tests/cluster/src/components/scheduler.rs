//! kube-scheduler.

use super::Daemon;
use crate::{Layout, network::NODE_ADDRESS, tools::Binaries};

/// Where it serves its health and metrics.
pub(crate) const PORT: u16 = 10259;

pub(super) fn daemon(layout: &Layout, binaries: &Binaries) -> Daemon {
    Daemon {
        program: binaries.kubernetes("kube-scheduler"),
        arguments: vec![
            format!("--kubeconfig={}", layout.kubeconfig_of("kube-scheduler").display()),
            format!("--bind-address={NODE_ADDRESS}"),
            format!("--secure-port={PORT}"),
            "--leader-elect=false".to_owned(),
        ],
        files: Vec::new(),
    }
}
