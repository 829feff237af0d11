//! CoreDNS, a process of the node rather than a pod: it needs no image.

use super::Daemon;
use crate::{
    Layout,
    network::{NODE_ADDRESS, POD_RANGE, SERVICE_RANGE},
    tools::Binaries,
};

/// Where it says that it knows the cluster's services.
pub(crate) const READY_PORT: u16 = 8181;

/// What it may read.
pub(crate) const RBAC: &str = include_str!("../../manifests/coredns.yaml");

pub(super) fn daemon(layout: &Layout, binaries: &Binaries) -> Daemon {
    let config = layout.config("Corefile");
    Daemon {
        program: binaries.coredns(),
        arguments: vec![format!("-conf={}", config.display())],
        files: vec![(config, corefile(layout))],
    }
}

/// Names outside of the cluster do not resolve: there is no way to them either.
fn corefile(layout: &Layout) -> String {
    format!(
        "\
cluster.local {POD_RANGE} {SERVICE_RANGE} {{
    bind {NODE_ADDRESS}
    errors
    ready {NODE_ADDRESS}:{READY_PORT}
    kubernetes {{
        kubeconfig {kubeconfig} kivi
        pods insecure
        ttl 5
    }}
}}

. {{
    bind {NODE_ADDRESS}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
",
        kubeconfig = layout.kubeconfig_of("coredns").display(),
    )
}
