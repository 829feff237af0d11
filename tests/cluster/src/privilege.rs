//! Root, and the way to it.

use std::{env, os::unix::process::CommandExt, path::Path, process::Command};

use crate::error::ClusterError;

/// Whether this process may change the machine.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that runs as root.
pub(crate) fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

/// The person behind sudo, who shall own what people read.
pub(crate) fn invoker() -> Option<(u32, u32)> {
    let number = |name| env::var(name).ok()?.parse::<u32>().ok();
    Some((number("SUDO_UID")?, number("SUDO_GID")?))
}

/// Replaces this process by itself under sudo, with the same home and cache; returns only on failure.
pub fn sudo(cache: &Path) -> ClusterError {
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => return ClusterError::NotRoot(error),
    };
    let mut command = Command::new("sudo");
    command.arg("env").arg(format!("KIVI_CACHE={}", cache.display()));
    for name in ["HOME", "KUBECONFIG"] {
        if let Some(value) = env::var_os(name) {
            command.arg(format!("{name}={}", value.display()));
        }
    }
    let error = command.arg(program).args(env::args_os().skip(1)).exec();
    ClusterError::NotRoot(error)
}
