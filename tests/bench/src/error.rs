//! Why nothing was measured.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// A file or a device.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A program is not where it should be.
    #[error("there is no {name} at {}: `make bench-server` and `make bench-sidecar` install or build what they need", path.display())]
    NoProgram {
        /// Its name.
        name: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A server does not start, or ended.
    #[error("{subject}: {what}; the end of its log:\n{log}")]
    Subject {
        /// Whose.
        subject: &'static str,
        /// What happened.
        what: String,
        /// The last lines it wrote.
        log: String,
    },
    /// Too few files may be open.
    #[error(
        "{needed} files must be open at a time, and only {allowed} may: raise the limit, as with `ulimit -n {needed}`"
    )]
    Files {
        /// How many may be.
        allowed: u64,
        /// How many must be.
        needed: u64,
    },
    /// A request or its answer.
    #[error("the load failed: {0}")]
    Client(String),
    /// The cluster, or what is done to it.
    #[error("cannot {action}: {message}")]
    Cluster {
        /// What was tried.
        action: String,
        /// Why it failed.
        message: String,
    },
    /// The data set cannot be made.
    #[error("cannot make a log of {keys} keys: {message}")]
    Dataset {
        /// Its size.
        keys: usize,
        /// What the log says.
        message: String,
    },
    /// Ctrl-C or SIGTERM.
    #[error("interrupted; the servers are stopped")]
    Interrupted,
}

impl BenchError {
    /// For `map_err` of file operations.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }
}
