//! Where the cluster keeps its files. Paths only: nothing here touches the disk.

use std::path::{Path, PathBuf};

/// The folder of one cluster's state, and the names within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The one cluster of this machine.
    pub fn system() -> Self {
        Self::at("/var/lib/kivi-cluster")
    }

    /// A cluster below another folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder that holds everything; gone after a stop.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Held by whoever starts or stops the cluster; outlives the root, so that a stop cannot free it early.
    pub fn lock(&self) -> PathBuf {
        PathBuf::from("/run/kivi-cluster.lock")
    }

    /// The administrator's credentials, owned by whoever ran sudo.
    pub fn client(&self) -> PathBuf {
        self.root.join("client")
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.client().join("kubeconfig")
    }

    /// The kubeconfig of a component.
    pub fn kubeconfig_of(&self, component: &str) -> PathBuf {
        self.root.join("pki").join(format!("{component}.kubeconfig"))
    }

    /// Certificates and keys, for root only.
    pub fn pki(&self) -> PathBuf {
        self.root.join("pki")
    }

    /// A certificate by its name.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.pki().join(format!("{name}.crt"))
    }

    /// A private key by its name.
    pub fn key(&self, name: &str) -> PathBuf {
        self.pki().join(format!("{name}.key"))
    }

    /// A rendered configuration file.
    pub fn config(&self, name: &str) -> PathBuf {
        self.root.join("config").join(name)
    }

    /// CNI network configurations, read by containerd.
    pub fn cni_config(&self) -> PathBuf {
        self.root.join("config/cni")
    }

    /// The log of a component.
    pub fn log(&self, component: &str) -> PathBuf {
        self.root.join("logs").join(format!("{component}.log"))
    }

    /// The record of a running component.
    pub fn record(&self, component: &str) -> PathBuf {
        self.root.join("processes").join(format!("{component}.json"))
    }

    /// The network namespace of the node, a mounted file.
    pub fn network_namespace(&self) -> PathBuf {
        self.root.join("netns/node")
    }

    /// etcd's data.
    pub fn etcd(&self) -> PathBuf {
        self.root.join("etcd")
    }

    /// containerd's images and container metadata.
    pub fn containerd(&self) -> PathBuf {
        self.root.join("containerd")
    }

    /// What is worthless after a crash or a reboot: sockets, shim state, address leases.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// containerd's socket.
    pub fn containerd_socket(&self) -> PathBuf {
        self.run().join("containerd.sock")
    }

    /// kubelet's folder.
    pub fn kubelet(&self) -> PathBuf {
        self.root.join("kubelet")
    }

    /// Container logs, which kubelet links from `/var/log/containers`.
    pub fn pod_logs(&self) -> PathBuf {
        self.root.join("pod-logs")
    }

    /// The folders behind the pre-made volumes.
    pub fn volumes(&self) -> PathBuf {
        self.root.join("volumes")
    }
}
