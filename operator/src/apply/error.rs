//! Why the children of a store are not what they should be.

use thiserror::Error;

use crate::answer::Said;

/// Why a child could not be brought to what it should be.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The API server did not take it.
    #[error("cannot apply {kind} {name}: {}", Said(source))]
    Apply {
        /// Kind of the child.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// What is there could not be read.
    #[error("cannot read {kind}s: {}", Said(source))]
    List {
        /// Kind of the children.
        kind: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A child that is no longer wanted could not be removed.
    #[error("cannot delete {kind} {name}: {}", Said(source))]
    Delete {
        /// Kind of the child.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
}

impl ApplyError {
    /// What the API server said.
    pub fn cause(&self) -> &kube::Error {
        match self {
            Self::Apply { source, .. } | Self::List { source, .. } | Self::Delete { source, .. } => source,
        }
    }
}
