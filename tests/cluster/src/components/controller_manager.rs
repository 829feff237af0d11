//! kube-controller-manager.

use super::Daemon;
use crate::{Layout, network::NODE_ADDRESS, tools::Binaries};

/// Where it serves its health and metrics.
pub(crate) const PORT: u16 = 10257;

pub(super) fn daemon(layout: &Layout, binaries: &Binaries) -> Daemon {
    let authority = layout.certificate("ca");
    Daemon {
        program: binaries.kubernetes("kube-controller-manager"),
        arguments: vec![
            format!("--kubeconfig={}", layout.kubeconfig_of("kube-controller-manager").display()),
            format!("--bind-address={NODE_ADDRESS}"),
            format!("--secure-port={PORT}"),
            // One node, one manager: an election would only delay a restart.
            "--leader-elect=false".to_owned(),
            "--use-service-account-credentials=true".to_owned(),
            // Its default of 20 requests a second makes the start of its controllers take five seconds.
            "--kube-api-qps=300".to_owned(),
            "--kube-api-burst=600".to_owned(),
            format!("--root-ca-file={}", authority.display()),
            format!("--service-account-private-key-file={}", layout.key("service-account").display()),
            format!("--cluster-signing-cert-file={}", authority.display()),
            format!("--cluster-signing-key-file={}", layout.key("ca").display()),
        ],
        files: Vec::new(),
    }
}
