//! The cgroup `/kivi`: all containers of the cluster are below it, and nothing else is.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{error::ClusterError, mounts};

/// The cgroup's name below each hierarchy, given to kubelet as its root.
pub(crate) const NAME: &str = "kivi";

const POLL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the cgroup in every hierarchy: kubelet refuses a root that does not exist.
pub(crate) fn ensure() -> Result<(), ClusterError> {
    for folder in folders()? {
        fs::create_dir_all(&folder).map_err(ClusterError::io("create", &folder))?;
    }
    Ok(())
}

/// The processes of all containers.
pub(crate) fn processes() -> Result<Vec<i32>, ClusterError> {
    let mut found = Vec::new();
    for folder in folders()? {
        collect(&folder, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Removes the cgroup from every hierarchy; a killed process stays in it for a moment.
pub(crate) fn remove() -> Result<(), ClusterError> {
    for folder in folders()? {
        if folder.exists() {
            remove_when_empty(&folder).map_err(ClusterError::io("remove the cgroup", &folder))?;
        }
    }
    Ok(())
}

fn folders() -> Result<Vec<PathBuf>, ClusterError> {
    Ok(hierarchies(&mounts::table()?).into_iter().map(|root| root.join(NAME)).collect())
}

/// Where cgroups are mounted: the one hierarchy of version 2, those of version 1, or both.
fn hierarchies(mountinfo: &str) -> Vec<PathBuf> {
    let is_cgroup = |line: &&str| {
        let kind = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').next());
        matches!(kind, Some("cgroup" | "cgroup2"))
    };
    let points = mountinfo.lines().filter(is_cgroup).filter_map(|line| line.split(' ').nth(4));
    points.filter(|point| point.starts_with("/sys/fs/cgroup")).map(PathBuf::from).collect()
}

fn collect(folder: &Path, found: &mut Vec<i32>) {
    let processes = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    found.extend(processes.lines().filter_map(|line| line.parse::<i32>().ok()));
    for child in children(folder) {
        collect(&child, found);
    }
}

fn remove_when_empty(folder: &Path) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match remove_tree(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                thread::sleep(POLL);
            }
            done => return done,
        }
    }
}

fn remove_tree(folder: &Path) -> io::Result<()> {
    for child in children(folder) {
        remove_tree(&child)?;
    }
    fs::remove_dir(folder)
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hierarchy_of_the_machine_counts_and_no_other() {
        let hybrid = "\
32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/bpf rw - bpf bpf rw
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
42 31 0:38 / /tmp/container/cgroup rw - cgroup2 cgroup2 rw
";
        let expected = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"];
        assert_eq!(hierarchies(hybrid), expected.map(PathBuf::from));
    }

    #[test]
    fn a_machine_with_version_2_alone_has_one() {
        let unified = "30 23 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(hierarchies(unified), [PathBuf::from("/sys/fs/cgroup")]);
    }
}
