//! What can go wrong with the local cluster, each with the way out.

use std::{io, path::PathBuf};

/// A failure of the local cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A file or directory operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb: `write`, `create`.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A helper program could not be started or said no.
    #[error("`{command}` failed: {message}")]
    Command {
        /// The command line.
        command: String,
        /// Its standard error, or why it did not start.
        message: String,
    },
    /// A component died or did not become healthy in time.
    #[error("{component} {problem}. The last lines of {}:\n{tail}", log.display())]
    Component {
        /// The component's name.
        component: &'static str,
        /// What is wrong with it, as the end of a sentence.
        problem: String,
        /// Its whole log.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
    /// A Go tool did not build.
    #[error("building {tool} with Go failed. The last lines of {}:\n{tail}", log.display())]
    Build {
        /// The Go module's name.
        tool: &'static str,
        /// The whole output of the build.
        log: PathBuf,
        /// The end of the output.
        tail: String,
    },
    /// No tool has that name.
    #[error("there is no tool `{name}`; the tools are {known}")]
    UnknownTool {
        /// The name asked for.
        name: String,
        /// Names that would do.
        known: String,
    },
    /// No component has that name.
    #[error("there is no component `{name}`; the components are {known}")]
    UnknownComponent {
        /// The name asked for.
        name: String,
        /// Names that would do.
        known: String,
    },
    /// A certificate could not be made.
    #[error("cannot make the cluster's certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    /// kubectl printed something that is not what was asked for.
    #[error("kubectl answered {what} that is not understood: {source}")]
    Answer {
        /// What was asked for.
        what: &'static str,
        /// Why it is not understood.
        source: serde_json::Error,
    },
    /// Starting, stopping and loading change the machine.
    #[error("the local cluster needs root; run the command as root, or let sudo run it (here: {0})")]
    NotRoot(io::Error),
    /// The state cannot be removed while something is mounted below it.
    #[error("{} is still mounted, so the cluster's files are kept; unmount it and run `kivi-cluster down` again", path.display())]
    StillMounted {
        /// The mount that would not go.
        path: PathBuf,
    },
    /// The CNI plugins are missing.
    #[error("the CNI plugin `ptp` is neither in {0}; run scripts/packages.sh")]
    NoCniPlugins(String),
    /// Nothing runs that could be used.
    #[error(
        "no local cluster is running; start one with `kivi-cluster up`, or set KUBECONFIG to use another"
    )]
    NotRunning,
    /// The cluster that `KUBECONFIG` names does not answer.
    #[error("the cluster that KUBECONFIG={} names cannot be used ({message}); unset KUBECONFIG for a local one", kubeconfig.display())]
    Unreachable {
        /// The value of `KUBECONFIG`.
        kubeconfig: PathBuf,
        /// kubectl's words.
        message: String,
    },
    /// The operation is for the local cluster, but `KUBECONFIG` names another.
    #[error("KUBECONFIG names {}, which is not the local cluster: {way_out}", kubeconfig.display())]
    External {
        /// The value of `KUBECONFIG`.
        kubeconfig: PathBuf,
        /// What to do instead.
        way_out: &'static str,
    },
}

impl ClusterError {
    /// For `map_err` on file operations: names the action and the path.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
