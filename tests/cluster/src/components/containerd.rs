//! containerd with its own root, state and socket, and the CNI network it gives pods.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Daemon;
use crate::{Layout, error::ClusterError, image::PROBE_IMAGE, network::POD_RANGE};

/// Debian's package puts the plugins in the first, upstream's archive in the second.
const PLUGIN_FOLDERS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

pub(super) fn daemon(layout: &Layout) -> Result<Daemon, ClusterError> {
    let plugins = PLUGIN_FOLDERS.into_iter().find(|folder| Path::new(folder).join("ptp").exists());
    let plugins = plugins.ok_or_else(|| ClusterError::NoCniPlugins(PLUGIN_FOLDERS.join(" nor in ")))?;
    let config = layout.config("containerd.toml");
    Ok(Daemon {
        program: PathBuf::from("containerd"),
        arguments: vec![format!("--config={}", config.display())],
        files: vec![
            (config, toml(layout, plugins)),
            (layout.cni_config().join("10-kivi.conflist"), network(layout)),
        ],
    })
}

/// `restrict_oom_score_adj`: machines that are containers themselves may not lower the score.
/// `netns_mounts_under_state_dir` and runc's `Root`: a stop clears the cluster's folder and nothing else.
fn toml(layout: &Layout, plugins: &str) -> String {
    let (root, run) = (layout.containerd(), layout.run());
    let (root, run, socket, cni) =
        (root.display(), run.display(), layout.containerd_socket(), layout.cni_config());
    format!(
        r#"version = 2
root = "{root}"
state = "{run}/containerd"

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PROBE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "{run}/runc"
"#,
        socket = socket.display(),
        cni = cni.display(),
    )
}

/// A routed wire a pod rather than a bridge: replies of services then pass the node's iptables without
/// the br_netfilter module.
fn network(layout: &Layout) -> String {
    let config = json!({
        "cniVersion": "0.4.0",
        "name": "kivi",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{ "subnet": POD_RANGE }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                    "dataDir": layout.run().join("leases"),
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    });
    format!("{config:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_the_clusters_own() {
        let toml = toml(&Layout::at("/state"), "/plugins");
        assert!(toml.contains("root = \"/state/containerd\""));
        assert!(toml.contains("address = \"/state/run/containerd.sock\""));
        assert!(toml.contains("bin_dir = \"/plugins\""));
        assert!(toml.contains("conf_dir = \"/state/config/cni\""));
    }

    #[test]
    fn address_leases_die_with_what_a_crash_leaves() {
        let network: serde_json::Value = serde_json::from_str(&network(&Layout::at("/state"))).unwrap();
        assert_eq!(network["plugins"][0]["ipam"]["dataDir"], "/state/run/leases");
    }
}
