//! The components as data: which files and which command line make each. Nothing here runs or
//! touches anything.

pub(crate) mod apiserver;
pub(crate) mod containerd;
pub(crate) mod controller_manager;
pub(crate) mod coredns;
pub(crate) mod etcd;
pub(crate) mod kube_proxy;
pub(crate) mod kubelet;
pub(crate) mod kwok;
pub(crate) mod scheduler;

use std::{path::PathBuf, str::FromStr, time::Duration};

use crate::{Layout, error::ClusterError, tools::Binaries};

/// How long a stop may take before it is a kill. The API server and etcd wait for their watchers, who do
/// not go; what they acknowledged is on the disk either way.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// A program that makes up the cluster, in the order of starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// The store behind the API server.
    Etcd,
    /// The container runtime.
    Containerd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// kube-proxy, which routes services.
    KubeProxy,
    /// The name server.
    CoreDns,
    /// The node's agent.
    Kubelet,
    /// Simulates nodes, for whom [`Cluster::simulate`](crate::Cluster::simulate) is called; not a part of every cluster.
    Kwok,
}

impl Component {
    /// Those of every cluster, in the order of starting.
    pub const ALL: [Self; 8] = [
        Self::Etcd,
        Self::Containerd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::KubeProxy,
        Self::CoreDns,
        Self::Kubelet,
    ];

    /// The name of the program, of its log and of its record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Containerd => "containerd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::KubeProxy => "kube-proxy",
            Self::CoreDns => "coredns",
            Self::Kubelet => "kubelet",
            Self::Kwok => "kwok",
        }
    }

    /// What makes it, given where files and programs are.
    pub(crate) fn daemon(self, layout: &Layout, binaries: &Binaries) -> Result<Daemon, ClusterError> {
        Ok(match self {
            Self::Etcd => etcd::daemon(layout, binaries),
            Self::Containerd => containerd::daemon(layout)?,
            Self::ApiServer => apiserver::daemon(layout, binaries),
            Self::ControllerManager => controller_manager::daemon(layout, binaries),
            Self::Scheduler => scheduler::daemon(layout, binaries),
            Self::KubeProxy => kube_proxy::daemon(layout, binaries),
            Self::CoreDns => coredns::daemon(layout, binaries),
            Self::Kubelet => kubelet::daemon(layout, binaries),
            Self::Kwok => kwok::daemon(layout, binaries),
        })
    }
}

impl FromStr for Component {
    type Err = ClusterError;

    fn from_str(name: &str) -> Result<Self, ClusterError> {
        Self::ALL.into_iter().find(|component| component.name() == name).ok_or_else(|| {
            ClusterError::UnknownComponent {
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }
}

/// A component ready to be started.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Daemon {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Files to write before it starts.
    pub(crate) files: Vec<(PathBuf, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_found_by_its_name_and_an_unknown_one_lists_the_names() {
        for component in Component::ALL {
            assert_eq!(component.name().parse::<Component>().unwrap(), component);
        }
        let error = "kubelt".parse::<Component>().unwrap_err();
        assert!(error.to_string().contains("`kubelt`; the components are etcd, containerd"), "{error}");
    }
}
