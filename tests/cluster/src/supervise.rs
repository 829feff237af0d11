//! One component's process: started once, recorded, found again by a later run, stopped.

use std::{
    fs::{self, OpenOptions},
    os::unix::process::CommandExt,
    process::Stdio,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    Component, Layout,
    components::{Daemon, GRACE},
    digest,
    error::ClusterError,
    log, network,
    process::ProcessId,
};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is remembered of a started component.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    process: ProcessId,
    /// Of command line and files: a component of an older version is replaced.
    fingerprint: String,
}

/// The component's process, if it runs.
pub(crate) fn running(layout: &Layout, component: Component) -> Option<ProcessId> {
    record(layout, component).map(|record| record.process)
}

/// Whether it runs as described.
pub(crate) fn is_current(layout: &Layout, component: Component, daemon: &Daemon) -> bool {
    record(layout, component).is_some_and(|record| record.fingerprint == fingerprint(daemon))
}

/// Starts the component unless it runs as described.
pub(crate) fn ensure(layout: &Layout, component: Component, daemon: &Daemon) -> Result<(), ClusterError> {
    if is_current(layout, component, daemon) {
        return Ok(());
    }
    stop(layout, component, GRACE)?;
    for (path, contents) in &daemon.files {
        write(path, contents)?;
    }
    let process = spawn(layout, component, daemon)?;
    let record = Record { process, fingerprint: fingerprint(daemon) };
    write(&layout.record(component.name()), &format!("{}\n", serde_json::json!(record)))
}

/// Stops the component; no grace is a kill.
pub(crate) fn stop(layout: &Layout, component: Component, grace: Duration) -> Result<(), ClusterError> {
    if let Some(process) = running(layout, component) {
        if grace.is_zero() { process.kill() } else { process.stop(grace) }
    }
    let path = layout.record(component.name());
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ClusterError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// An error about a component, with the end of its log.
pub(crate) fn failure(layout: &Layout, component: Component, problem: impl Into<String>) -> ClusterError {
    let log = layout.log(component.name());
    let tail = log::tail(&log);
    ClusterError::Component { component: component.name(), problem: problem.into(), log, tail }
}

fn record(layout: &Layout, component: Component) -> Option<Record> {
    let text = fs::read_to_string(layout.record(component.name())).ok()?;
    let record: Record = serde_json::from_str(&text).ok()?;
    record.process.is_alive().then_some(record)
}

/// In a process group of its own, so that a terminal's interrupt does not reach it, and with nothing of
/// the caller's environment: a proxy set there would catch the cluster's own traffic.
fn spawn(layout: &Layout, component: Component, daemon: &Daemon) -> Result<ProcessId, ClusterError> {
    let path = layout.log(component.name());
    let folder = path.parent().unwrap_or(layout.root());
    fs::create_dir_all(folder).map_err(ClusterError::io("create", folder))?;
    let log =
        OpenOptions::new().create(true).append(true).open(&path).map_err(ClusterError::io("open", &path))?;
    let second = log.try_clone().map_err(ClusterError::io("open", &path))?;
    let mut command = network::inside(layout, &daemon.program);
    let child = command
        .args(&daemon.arguments)
        .env_clear()
        .envs([("PATH", PATH), ("HOME", "/root")])
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(second)
        .spawn();
    let started = child.ok().and_then(|child| ProcessId::of(child.id().cast_signed()));
    started.ok_or_else(|| failure(layout, component, "did not start"))
}

fn write(path: &std::path::Path, contents: &str) -> Result<(), ClusterError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(ClusterError::io("create", folder))?;
    fs::write(path, contents).map_err(ClusterError::io("write", path))
}

fn fingerprint(daemon: &Daemon) -> String {
    digest::sha256(format!("{daemon:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon(file: &str) -> Daemon {
        let files = vec![("/state/config".into(), file.to_owned())];
        Daemon { program: "/bin/etcd".into(), arguments: vec!["--name=kivi".to_owned()], files }
    }

    fn remember(layout: &Layout, process: ProcessId, daemon: &Daemon) {
        let record = Record { process, fingerprint: fingerprint(daemon) };
        write(&layout.record("etcd"), &serde_json::json!(record).to_string()).unwrap();
    }

    #[test]
    fn a_recorded_process_is_found_again_and_a_changed_file_makes_it_outdated() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        let own = ProcessId::of(std::process::id().cast_signed()).unwrap();
        remember(&layout, own.clone(), &daemon("a"));
        assert_eq!(running(&layout, Component::Etcd), Some(own));
        assert!(is_current(&layout, Component::Etcd, &daemon("a")));
        assert!(!is_current(&layout, Component::Etcd, &daemon("b")));
    }

    #[test]
    fn a_broken_record_means_that_nothing_runs() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        write(&layout.record("etcd"), "{\"process\":").unwrap();
        assert_eq!(running(&layout, Component::Etcd), None);
        stop(&layout, Component::Etcd, Duration::ZERO).unwrap();
        assert!(!layout.record("etcd").exists());
    }
}
