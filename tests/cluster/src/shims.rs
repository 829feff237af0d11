//! containerd's shims, one a pod: they outlive containerd, so a stop has to end them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Layout, cgroup, command, error::ClusterError, image::ctr, process};

/// Ends all containers and their shims, whether or not containerd is there to help.
pub(crate) fn end_all(layout: &Layout, containerd_runs: bool) -> Result<(), ClusterError> {
    process::kill_all(cgroup::processes()?);
    if containerd_runs {
        delete_tasks(layout);
    }
    process::kill_all(shims(&layout.containerd_socket())?);
    for socket in sockets(layout) {
        // A shim that ended by itself has removed it.
        let _ = fs::remove_file(socket);
    }
    Ok(())
}

/// A shim whose task is deleted ends and cleans up by itself; one that does not is killed next.
fn delete_tasks(layout: &Layout) {
    let tasks = command::output(ctr(layout).args(["tasks", "list", "--quiet"])).unwrap_or_default();
    let tasks: Vec<_> = tasks.split_whitespace().collect();
    if !tasks.is_empty() {
        let _ = command::attempt(ctr(layout).args(["tasks", "delete", "--force"]).args(tasks));
    }
}

/// The shims that report to a socket, found by their command lines.
fn shims(socket: &Path) -> Result<Vec<i32>, ClusterError> {
    let processes = fs::read_dir("/proc").map_err(ClusterError::io("read", "/proc"))?;
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(pids
        .filter(|pid| is_shim(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default(), socket))
        .collect())
}

fn is_shim(command_line: &[u8], socket: &Path) -> bool {
    let words: Vec<_> = command_line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let is_program =
        words.first().is_some_and(|word| word.rsplit('/').next() == Some("containerd-shim-runc-v2"));
    is_program && words.iter().any(|word| Path::new(word.as_ref()) == socket)
}

/// The sockets that shims listen on; each pod's folder names its own.
fn sockets(layout: &Layout) -> Vec<PathBuf> {
    let tasks = layout.run().join("containerd/io.containerd.runtime.v2.task/k8s.io");
    let folders = fs::read_dir(tasks).into_iter().flatten().flatten();
    let addresses = folders.filter_map(|folder| fs::read_to_string(folder.path().join("address")).ok());
    addresses.filter_map(|address| address.trim().strip_prefix("unix://").map(PathBuf::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shims_of_another_containerd_are_left_alone() {
        let line =
            b"/usr/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0-address\0/state/run/containerd.sock\0";
        assert!(is_shim(line, Path::new("/state/run/containerd.sock")));
        assert!(!is_shim(line, Path::new("/run/containerd/containerd.sock")));
    }

    #[test]
    fn who_merely_mentions_the_socket_is_no_shim() {
        let line = b"vim\0/state/run/containerd.sock\0";
        assert!(!is_shim(line, Path::new("/state/run/containerd.sock")));
    }
}
