//! The program's commands: arguments in, calls to the library, words out.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode},
};

use clap::{Parser, Subcommand};

use crate::{
    Cluster, Component, Layout,
    error::ClusterError,
    kubeconfig, privilege, start, stop,
    tools::{self, Module},
};

/// A real single-node Kubernetes on this machine, for tests and the demo.
///
/// With KUBECONFIG set, that cluster is used: `up` checks it, `down` leaves it alone.
#[derive(Debug, Parser)]
#[command(name = "kivi-cluster", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Build what is missing and start the cluster, or find that it runs.
    Up {
        /// Build the tools and start nothing.
        #[arg(long)]
        only_tools: bool,
    },
    /// Stop the cluster and remove all of it; built tools stay.
    Down,
    /// Say which components run; exit 1 unless all do.
    Status,
    /// Print the path of the kubeconfig.
    Kubeconfig,
    /// Make images known to the cluster.
    Load {
        /// Docker or OCI archives.
        #[arg(required = true)]
        archives: Vec<PathBuf>,
    },
    /// Run kubectl against the cluster.
    #[command(disable_help_flag = true)]
    Kubectl {
        /// kubectl's own arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run Helm against the cluster.
    #[command(disable_help_flag = true)]
    Helm {
        /// Helm's own arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Stop a component and start it again.
    Restart {
        /// Its name, as `status` prints it.
        component: String,
    },
    /// End a component as a crash would; `up` or `restart` brings it back.
    Kill {
        /// Its name, as `status` prints it.
        component: String,
    },
    /// Print the path of a tool, built first if need be: kubectl, helm, jaeger, etcd, ...
    Tool {
        /// Its name.
        name: String,
    },
    /// Print the log of a component.
    Logs {
        /// Its name, as `status` prints it.
        component: String,
    },
}

impl Action {
    fn changes_the_machine(&self) -> bool {
        match self {
            Self::Up { only_tools } => !only_tools,
            Self::Down | Self::Restart { .. } | Self::Kill { .. } => true,
            _ => false,
        }
    }
}

impl Cli {
    /// Does what was asked for; asks for root through sudo where it is needed.
    pub fn run(self) -> Result<ExitCode, ClusterError> {
        let layout = Layout::system();
        let is_local = Cluster::external().is_none();
        if is_local && self.command.changes_the_machine() && !privilege::is_root() {
            // Built as the user, so that the cache is the user's.
            if matches!(self.command, Action::Up { .. }) {
                tools::ensure(&Module::CLUSTER)?;
            }
            return Err(privilege::sudo(&tools::cache()));
        }
        match self.command {
            Action::Up { only_tools: true } => tools::ensure(&Module::CLUSTER).map(drop)?,
            Action::Up { .. } if !is_local => describe(&Cluster::attach()?),
            Action::Up { .. } => describe(&start::start(&layout, &tools::ensure(&Module::CLUSTER)?)?),
            Action::Down if !is_local => eprintln!("KUBECONFIG names another cluster, which is left alone."),
            Action::Down => stop::stop(&layout)?,
            Action::Status => return Ok(status(&layout)),
            Action::Kubeconfig => println!("{}", Cluster::kubeconfig_in_use()?.display()),
            Action::Load { archives } => Cluster::attach()?.load(&archives)?,
            Action::Kubectl { arguments } => {
                return Err(replace_by(Cluster::attach()?.kubectl().args(arguments)));
            }
            Action::Helm { arguments } => return Err(replace_by(Cluster::attach()?.helm()?.args(arguments))),
            Action::Restart { component } => Cluster::attach()?.restart(component.parse()?)?,
            Action::Kill { component } => Cluster::attach()?.kill(component.parse()?)?,
            Action::Tool { name } => println!("{}", tools::tool(&name)?.display()),
            Action::Logs { component } => print_log(&layout, component.parse()?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(cluster: &Cluster) {
    eprintln!("The cluster is ready. To use it: {}", kubeconfig::export(cluster.kubeconfig()));
}

fn status(layout: &Layout) -> ExitCode {
    let mut all = true;
    for status in Cluster::status(layout) {
        all &= status.process.is_some();
        let state = status
            .process
            .map_or("not running".to_owned(), |process| format!("running, pid {}", process.pid()));
        println!("{:<24} {state}", status.component.name());
    }
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_log(layout: &Layout, component: Component) -> Result<(), ClusterError> {
    let path = layout.log(component.name());
    let mut log = File::open(&path).map_err(ClusterError::io("read", &path))?;
    io::copy(&mut log, &mut io::stdout()).map(drop).map_err(ClusterError::io("print", path))
}

/// Replaces this program by another; returns only on failure.
fn replace_by(command: &mut Command) -> ClusterError {
    let message = command.exec().to_string();
    ClusterError::Command { command: command.get_program().to_string_lossy().into_owned(), message }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn kubectl_gets_its_own_flags() {
        let cli = Cli::try_parse_from(["kivi-cluster", "kubectl", "get", "--help", "-A"]).unwrap();
        let Action::Kubectl { arguments } = cli.command else { panic!("another command") };
        assert_eq!(arguments, ["get", "--help", "-A"]);
    }

    #[test]
    fn asking_changes_nothing() {
        for words in [&["status"][..], &["kubeconfig"], &["tool", "helm"], &["up", "--only-tools"]] {
            let cli = Cli::try_parse_from([&["kivi-cluster"], words].concat()).unwrap();
            assert!(!cli.command.changes_the_machine(), "{words:?}");
        }
    }
}
