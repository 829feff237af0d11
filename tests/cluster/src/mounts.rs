//! Mounts below the cluster's folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::mount::{UnmountFlags, unmount};

use crate::error::ClusterError;

const TABLE: &str = "/proc/self/mountinfo";

/// Whether something is mounted at this very path.
pub(crate) fn is_mounted(path: &Path) -> Result<bool, ClusterError> {
    Ok(below(&table()?, path).iter().any(|mount| mount == path))
}

/// Unmounts the path and all below it, the newest first; waits for nobody who still uses one.
pub(crate) fn unmount_below(path: &Path) -> Result<(), ClusterError> {
    for mount in below(&table()?, path).iter().rev() {
        unmount(mount, UnmountFlags::DETACH).map_err(|errno| ClusterError::Io {
            action: "unmount",
            path: mount.clone(),
            source: errno.into(),
        })?;
    }
    match below(&table()?, path).first() {
        Some(left) => Err(ClusterError::StillMounted { path: left.clone() }),
        None => Ok(()),
    }
}

/// The kernel's table of mounts (`proc_pid_mountinfo(5)`).
pub(crate) fn table() -> Result<String, ClusterError> {
    fs::read_to_string(TABLE).map_err(ClusterError::io("read", TABLE))
}

/// The mount points at or below a path, the oldest first. The fifth field is the mount point.
fn below(table: &str, path: &Path) -> Vec<PathBuf> {
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    points.filter(|point| point.starts_with(path)).collect()
}

/// Undoes the octal escapes of blank, tab, newline and backslash.
fn unescape(field: &str) -> PathBuf {
    let plain = field.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n");
    PathBuf::from(plain.replace("\\134", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
23 1 254:0 / / rw shared:1 - ext4 /dev/vda rw
90 23 0:4 net:[4026532] /var/lib/kivi-cluster/netns/node rw - nsfs nsfs rw
91 23 0:50 / /var/lib/kivi-cluster/kubelet/a\\040b rw - tmpfs tmpfs rw
92 23 0:51 / /var/lib/kivi-cluster-other/x rw - tmpfs tmpfs rw
";

    #[test]
    fn only_mounts_below_the_folder_are_ours() {
        let found = below(TABLE, Path::new("/var/lib/kivi-cluster"));
        let expected = ["/var/lib/kivi-cluster/netns/node", "/var/lib/kivi-cluster/kubelet/a b"];
        assert_eq!(found, expected.map(PathBuf::from));
    }
}
