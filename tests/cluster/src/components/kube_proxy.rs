//! kube-proxy, in the iptables of the node's network namespace.

use serde_json::json;

use super::{Daemon, kubelet::NODE};
use crate::{
    Layout,
    network::{NODE_ADDRESS, POD_RANGE},
    tools::Binaries,
};

/// Where it says that it has written its rules.
pub(crate) const HEALTH_PORT: u16 = 10256;

pub(super) fn daemon(layout: &Layout, binaries: &Binaries) -> Daemon {
    let config = layout.config("kube-proxy.json");
    Daemon {
        program: binaries.kubernetes("kube-proxy"),
        arguments: vec![format!("--config={}", config.display())],
        files: vec![(config, configuration(layout))],
    }
}

/// The limits of connection tracking are the machine's, not this namespace's: they stay as they are.
fn configuration(layout: &Layout) -> String {
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": { "kubeconfig": layout.kubeconfig_of("kube-proxy") },
        "hostnameOverride": NODE,
        "clusterCIDR": POD_RANGE,
        "bindAddress": NODE_ADDRESS,
        "healthzBindAddress": format!("{NODE_ADDRESS}:{HEALTH_PORT}"),
        "conntrack": { "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s" },
        "oomScoreAdj": 0,
    });
    format!("{config:#}\n")
}
