//! Why a catalog cannot be used.

use thiserror::Error;

/// Why a catalog cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CatalogError {
    /// It is not YAML, or a field has the wrong type or is unknown.
    #[error("{field}: {message}")]
    Parse {
        /// Dotted path of the field, `.` for the whole file.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// No store could ask for it.
    #[error("{0}: no version; write three numbers, as in `0.1.0` or `0.2.0-rc.1`, in at most 63 characters")]
    Version(String),
    /// No node could pull it.
    #[error(
        "{version}.{field}: no image; write a reference, as in `registry.example/kivi/kivi-server:0.1.0`"
    )]
    Image {
        /// The version.
        version: String,
        /// `server` or `sidecar`.
        field: &'static str,
    },
}
