//! From whatever is there to a running cluster.
//!
//! A start converges: what runs as described is left alone, what is missing is started. After a crash
//! or a reboot, when nothing of the cluster runs any more, it first clears what was left, and keeps what
//! a real node would keep: the API's objects, the volumes and the images.

use std::{
    fs::{self, File},
    io,
};

use crate::{
    Cluster, Component, Layout, cgroup, components::coredns, error::ClusterError, image, mounts, network,
    pki, privilege, process, progress::Progress, ready, shims, storage, supervise, tools::Binaries,
};

/// Brings the cluster up, or finds that it is. Needs root.
pub fn start(layout: &Layout, binaries: &Binaries) -> Result<Cluster, ClusterError> {
    let _lock = lock(layout)?;
    let cluster = Cluster::local(layout.clone(), binaries.clone());
    if !is_up(&cluster, layout, binaries) {
        let progress = Progress::begin("starting the local Kubernetes");
        prepare(layout)?;
        converge(&cluster, layout, binaries)?;
        progress.done();
    }
    recycle_volumes(&cluster, layout)?;
    Ok(cluster)
}

/// Taken by whoever changes the cluster.
pub(crate) fn lock(layout: &Layout) -> Result<File, ClusterError> {
    if !privilege::is_root() {
        return Err(ClusterError::NotRoot(io::ErrorKind::PermissionDenied.into()));
    }
    let path = layout.lock();
    let file = File::create(&path).map_err(ClusterError::io("create", &path))?;
    file.lock().map_err(ClusterError::io("lock", &path))?;
    Ok(file)
}

/// Whether all components run as described and the node is ready.
fn is_up(cluster: &Cluster, layout: &Layout, binaries: &Binaries) -> bool {
    let is_current = |component: Component| {
        component
            .daemon(layout, binaries)
            .is_ok_and(|daemon| supervise::is_current(layout, component, &daemon))
    };
    Component::ALL.into_iter().all(is_current) && ready::node(cluster)
}

fn prepare(layout: &Layout) -> Result<(), ClusterError> {
    if Component::ALL.into_iter().all(|component| supervise::running(layout, component).is_none()) {
        clear(layout)?;
    }
    for folder in [layout.root().to_owned(), layout.run(), layout.cni_config()] {
        fs::create_dir_all(&folder).map_err(ClusterError::io("create", &folder))?;
    }
    pki::ensure(layout)?;
    cgroup::ensure()?;
    network::ensure(layout)
}

/// Ends and removes what a crash or a reboot left, but for objects, volumes and images.
fn clear(layout: &Layout) -> Result<(), ClusterError> {
    process::kill_all(network::processes(layout)?);
    shims::end_all(layout, false)?;
    mounts::unmount_below(layout.root())?;
    network::remove(layout)?;
    let run = layout.run();
    if run.exists() {
        fs::remove_dir_all(&run).map_err(ClusterError::io("clear", &run))?;
    }
    Ok(())
}

fn converge(cluster: &Cluster, layout: &Layout, binaries: &Binaries) -> Result<(), ClusterError> {
    use Component::{ApiServer, Containerd, ControllerManager, CoreDns, Etcd, KubeProxy, Kubelet, Scheduler};
    let ensure = |components: &[Component]| -> Result<(), ClusterError> {
        components.iter().try_for_each(|component| {
            supervise::ensure(layout, *component, &component.daemon(layout, binaries)?)
        })
    };
    ensure(&[Etcd, Containerd, ApiServer])?;
    ready::wait(cluster, layout, Containerd)?;
    image::ensure(layout, image::PROBE_IMAGE, &binaries.probe(), &["sleep"])?;
    ready::wait(cluster, layout, ApiServer)?;
    ensure(&[ControllerManager, Scheduler, KubeProxy, Kubelet])?;
    cluster.apply(coredns::RBAC)?;
    ensure(&[CoreDns])?;
    cluster.apply(&storage::prepare(layout)?)?;
    for component in [CoreDns, KubeProxy, ControllerManager, Scheduler, Kubelet] {
        ready::wait(cluster, layout, component)?;
    }
    Ok(())
}

/// Gives volumes whose claims are gone to whoever claims next.
fn recycle_volumes(cluster: &Cluster, layout: &Layout) -> Result<(), ClusterError> {
    let answer = cluster.run(&["get", "persistentvolumes", "--output=json"])?;
    for name in storage::released(&answer)? {
        storage::wipe(layout, &name)?;
        let patch = r#"[{"op":"remove","path":"/spec/claimRef"}]"#;
        cluster.run(&["patch", "persistentvolume", &name, "--type=json", "--patch", patch])?;
    }
    Ok(())
}
