//! kubelet, under a cgroup root of its own.

use serde_json::json;

use super::Daemon;
use crate::{Layout, cgroup, network::NODE_ADDRESS, tools::Binaries};

/// The one node's name.
pub(crate) const NODE: &str = "kivi";
/// Where it says that it works: the node's condition outlives it for a while.
pub(crate) const HEALTH_PORT: u16 = 10248;

pub(super) fn daemon(layout: &Layout, binaries: &Binaries) -> Daemon {
    let config = layout.config("kubelet.json");
    let resolver = layout.config("resolv.conf");
    Daemon {
        program: binaries.kubernetes("kubelet"),
        arguments: vec![
            format!("--config={}", config.display()),
            format!("--kubeconfig={}", layout.kubeconfig_of("kubelet").display()),
            format!("--root-dir={}", layout.kubelet().display()),
            format!("--cert-dir={}", layout.kubelet().join("pki").display()),
            format!("--hostname-override={NODE}"),
            format!("--node-ip={NODE_ADDRESS}"),
        ],
        // Pods ask the cluster's name server alone: the machine's search domains stay out.
        files: vec![(config, configuration(layout)), (resolver, format!("nameserver {NODE_ADDRESS}\n"))],
    }
}

/// Pods are never evicted and images never collected: a full disk is the machine's owner's business, and
/// the images cannot be pulled again.
fn configuration(layout: &Layout) -> String {
    let config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "healthzBindAddress": NODE_ADDRESS,
        "healthzPort": HEALTH_PORT,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": layout.certificate("ca") },
        },
        "authorization": { "mode": "Webhook" },
        "tlsCertFile": layout.certificate("kubelet"),
        "tlsPrivateKeyFile": layout.key("kubelet"),
        "containerRuntimeEndpoint": format!("unix://{}", layout.containerd_socket().display()),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", cgroup::NAME),
        "failCgroupV1": false,
        "failSwapOn": false,
        "localStorageCapacityIsolation": false,
        "enforceNodeAllocatable": [],
        "evictionHard": { "memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%" },
        "imageGCHighThresholdPercent": 100,
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": layout.config("resolv.conf"),
        "podLogsDir": layout.pod_logs(),
        "registerNode": true,
        "oomScoreAdj": 0,
    });
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubelet_lives_in_the_clusters_own_folders_and_cgroup() {
        let config: serde_json::Value = serde_json::from_str(&configuration(&Layout::at("/state"))).unwrap();
        assert_eq!(config["cgroupRoot"], "/kivi");
        assert_eq!(config["podLogsDir"], "/state/pod-logs");
        assert_eq!(config["containerRuntimeEndpoint"], "unix:///state/run/containerd.sock");
    }
}
