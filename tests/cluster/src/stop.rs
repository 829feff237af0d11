//! From whatever is there to nothing: no process, mount, interface, cgroup or file of the cluster stays.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Component, Layout, cgroup, components::GRACE, error::ClusterError, mounts, network, process,
    progress::Progress, shims, start, supervise,
};

const CNI_RESULTS: &str = "/var/lib/cni/results";
const CONTAINER_LOGS: &str = "/var/log/containers";
/// kubelet makes these whatever its own folder is: a socket and the folders above it.
const KUBELET_SOCKET: &str = "/var/lib/kubelet/device-plugins/kubelet.sock";

/// Takes the cluster down and removes its objects, volumes and images. Needs root. Nothing to do is fine.
pub fn stop(layout: &Layout) -> Result<(), ClusterError> {
    let _lock = start::lock(layout)?;
    if !layout.root().exists() {
        return Ok(());
    }
    let progress = Progress::begin("stopping the local Kubernetes");
    // First of all kubelet, which would start containers again.
    supervise::stop(layout, Component::Kubelet, GRACE)?;
    let containerd_runs = supervise::running(layout, Component::Containerd).is_some();
    shims::end_all(layout, containerd_runs)?;
    // Nothing that they would save on the way out is kept.
    for component in Component::ALL.into_iter().rev() {
        supervise::stop(layout, component, Duration::ZERO)?;
    }
    process::kill_all(network::processes(layout)?);
    mounts::unmount_below(layout.root())?;
    network::remove(layout)?;
    cgroup::remove()?;
    remove_traces(layout)?;
    fs::remove_dir_all(layout.root()).map_err(ClusterError::io("remove", layout.root()))?;
    progress.done();
    Ok(())
}

/// What components leave in folders that all clusters of a machine share.
fn remove_traces(layout: &Layout) -> Result<(), ClusterError> {
    let root = layout.root().as_os_str().as_encoded_bytes();
    let mentions_us = |path: &Path| {
        let contents = fs::read(path).unwrap_or_default();
        contents.windows(root.len()).any(|window| window == root)
    };
    let points_to_us =
        |path: &Path| fs::read_link(path).is_ok_and(|target| target.starts_with(layout.root()));
    let results = entries(CNI_RESULTS).filter(|path| mentions_us(path));
    let links = entries(CONTAINER_LOGS).filter(|path| points_to_us(path));
    for path in results.chain(links) {
        fs::remove_file(&path).map_err(ClusterError::io("remove", &path))?;
    }
    remove_kubelet_socket();
    Ok(())
}

fn entries(folder: &str) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Another kubelet of the machine would listen on the socket, and have files of its own beside it.
fn remove_kubelet_socket() {
    let socket = Path::new(KUBELET_SOCKET);
    if UnixStream::connect(socket).is_err() {
        let _ = fs::remove_file(socket);
        for folder in socket.ancestors().skip(1).take(2) {
            let _ = fs::remove_dir(folder);
        }
    }
}
