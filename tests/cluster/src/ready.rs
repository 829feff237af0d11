//! When each component counts as doing its work.

use std::{
    os::unix::net::UnixStream,
    process::{Command, Stdio},
};

use crate::{
    Cluster, Component, Layout,
    components::{
        controller_manager, coredns, kube_proxy,
        kubelet::{self, NODE},
        scheduler,
    },
    error::ClusterError,
    network::NODE_ADDRESS,
    wait::{accepts, answers, until},
};

/// Waits until a component does its work.
pub(crate) fn wait(cluster: &Cluster, layout: &Layout, component: Component) -> Result<(), ClusterError> {
    use Component::{
        ApiServer, Containerd, ControllerManager, CoreDns, Etcd, KubeProxy, Kubelet, Kwok, Scheduler,
    };
    match component {
        Containerd => until(layout, &[Containerd], "its socket answers", || {
            UnixStream::connect(layout.containerd_socket()).is_ok()
        }),
        Etcd | ApiServer => until(layout, &[ApiServer, Etcd], "the API answers", || api(cluster)),
        ControllerManager => {
            until(layout, &[ControllerManager, ApiServer], "namespaces get a service account", || {
                accepts(NODE_ADDRESS, controller_manager::PORT) && service_account(cluster)
            })
        }
        Scheduler => {
            until(layout, &[Scheduler, ApiServer], "it listens", || accepts(NODE_ADDRESS, scheduler::PORT))
        }
        KubeProxy => until(layout, &[KubeProxy, ApiServer], "its rules are written", || {
            answers(NODE_ADDRESS, kube_proxy::HEALTH_PORT, "/healthz")
        }),
        CoreDns => until(layout, &[CoreDns, ApiServer], "it knows the cluster's services", || {
            answers(NODE_ADDRESS, coredns::READY_PORT, "/ready")
        }),
        Kubelet => until(layout, &[Kubelet, Containerd, ApiServer], "the node is ready", || {
            answers(NODE_ADDRESS, kubelet::HEALTH_PORT, "/healthz") && node(cluster)
        }),
        Kwok => nodes(cluster, layout, &[]),
    }
}

/// Whether the API server says that the node is ready; for a while it says so of a dead one, too.
pub(crate) fn node(cluster: &Cluster) -> bool {
    succeeds(cluster, &["wait", "node", NODE, "--for=condition=Ready", "--timeout=1s"])
}

/// Waits until the API server says that these simulated nodes are ready.
pub(crate) fn nodes(cluster: &Cluster, layout: &Layout, names: &[&str]) -> Result<(), ClusterError> {
    use Component::{ApiServer, Kwok};
    let ready =
        |name: &&str| succeeds(cluster, &["wait", "node", name, "--for=condition=Ready", "--timeout=1s"]);
    until(layout, &[Kwok, ApiServer], "its nodes are ready", || names.iter().all(ready))
}

fn api(cluster: &Cluster) -> bool {
    succeeds(cluster, &["get", "--raw=/readyz"])
}

/// Pods cannot be made in a namespace before its service account is.
fn service_account(cluster: &Cluster) -> bool {
    succeeds(cluster, &["get", "serviceaccount", "default", "--namespace=default"])
}

fn succeeds(cluster: &Cluster, arguments: &[&str]) -> bool {
    let mut kubectl: Command = cluster.kubectl();
    kubectl.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    kubectl.status().is_ok_and(|status| status.success())
}
