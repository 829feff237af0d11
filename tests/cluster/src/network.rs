//! The node's network namespace: its addresses and its wire to the machine.
//!
//! A namespace of its own keeps the cluster's ports, routes and iptables chains away from the
//! machine's, and takes all of them along when it goes. Pods reach this machine, and nothing beyond.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Layout, command, error::ClusterError, mounts};

/// The machine's end of the wire: pods reach programs of this machine here.
pub const HOST_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 255, 1));
/// The node's end: API server, kubelet, name server.
pub const NODE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 255, 2));
/// Pod addresses. 198.18.0.0/15 is set aside for benchmarks (RFC 2544): nobody routes it.
pub const POD_RANGE: &str = "198.18.0.0/24";
/// Addresses of pods that are simulated: nobody answers there.
pub(crate) const SIMULATED_POD_RANGE: &str = "198.18.128.1/18";
/// Service addresses.
pub const SERVICE_RANGE: &str = "198.19.0.0/24";
/// The address of the `kubernetes` service: the first of the range.
pub const KUBERNETES_SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 19, 0, 1));
/// The API server's port.
pub const API_PORT: u16 = 6443;

const HOST_LINK: &str = "kivi0";
const NODE_LINK: &str = "eth0";

/// A command that runs inside the node's network namespace, keeping its process id.
pub(crate) fn inside(layout: &Layout, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", layout.network_namespace().display())).arg("--").arg(program);
    command
}

/// Makes the namespace and the wire if they are missing.
pub(crate) fn ensure(layout: &Layout) -> Result<(), ClusterError> {
    let namespace = layout.network_namespace();
    let finished = namespace.with_extension("finished");
    if mounts::is_mounted(&namespace)? && finished.exists() {
        return Ok(());
    }
    remove(layout)?;
    let folder = namespace.parent().unwrap_or(layout.root());
    fs::create_dir_all(folder).map_err(ClusterError::io("create", folder))?;
    fs::write(&namespace, "").map_err(ClusterError::io("create", &namespace))?;
    let path = namespace.display().to_string();
    command::run(Command::new("unshare").arg(format!("--net={path}")).arg("true"))?;
    ip(&["link", "add", HOST_LINK, "type", "veth", "peer", "name", NODE_LINK, "netns", &path])?;
    ip(&["address", "add", &format!("{HOST_ADDRESS}/30"), "dev", HOST_LINK])?;
    ip(&["link", "set", HOST_LINK, "up"])?;
    for step in node_setup() {
        command::run(inside(layout, Path::new("sh")).args(["-c", &step]))?;
    }
    fs::write(&finished, "").map_err(ClusterError::io("create", finished))
}

/// The processes in the namespace: components and shims, also those that an interrupted start did not
/// record. Pods have namespaces of their own.
pub(crate) fn processes(layout: &Layout) -> Result<Vec<i32>, ClusterError> {
    let namespace = layout.network_namespace();
    if !mounts::is_mounted(&namespace)? {
        return Ok(Vec::new());
    }
    let namespace = fs::metadata(&namespace).map_err(ClusterError::io("read", &namespace))?;
    let ours = PathBuf::from(format!("net:[{}]", namespace.ino()));
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_inside = |pid: &i32| fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|link| link == ours);
    Ok(pids.filter(is_inside).collect())
}

/// Removes the wire; the namespace goes with its mount and its last process.
pub(crate) fn remove(layout: &Layout) -> Result<(), ClusterError> {
    let finished = layout.network_namespace().with_extension("finished");
    if finished.exists() {
        fs::remove_file(&finished).map_err(ClusterError::io("remove", finished))?;
    }
    mounts::unmount_below(&layout.network_namespace())?;
    if Path::new("/sys/class/net").join(HOST_LINK).exists() {
        ip(&["link", "delete", HOST_LINK])?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<(), ClusterError> {
    command::run(Command::new("ip").args(arguments))
}

/// Shell steps within the namespace. The default route gives components an address to prefer.
fn node_setup() -> [String; 5] {
    [
        "ip link set lo up".to_owned(),
        format!("ip address add {NODE_ADDRESS}/30 dev {NODE_LINK}"),
        format!("ip link set {NODE_LINK} up"),
        format!("ip route add default via {HOST_ADDRESS}"),
        "echo 1 > /proc/sys/net/ipv4/ip_forward".to_owned(),
    ]
}
