//! Why a read of the API server failed.

use thiserror::Error;

use crate::answer::Said;

/// Why something could not be fetched.
#[derive(Debug, Error)]
pub enum DereferenceError {
    /// The API server did not answer with an object or with 404.
    #[error("cannot read {kind} {name}: {}", Said(source))]
    Read {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
}

impl DereferenceError {
    /// What the API server said.
    pub fn cause(&self) -> &kube::Error {
        let Self::Read { source, .. } = self;
        source
    }
}
