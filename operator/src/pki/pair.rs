//! A certificate with its key, and why one cannot be used or made.

use thiserror::Error;

/// A certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, or a chain that begins with it.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl std::fmt::Debug for Pair {
    /// A key is never shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// Why a pair cannot be used or made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PkiError {
    /// The certificate is not one.
    #[error("tls.crt is not a PEM certificate: {0}")]
    Certificate(String),
    /// The key is not one.
    #[error("tls.key is not a PEM private key: {0}")]
    Key(String),
    /// They do not belong together.
    #[error("tls.key is not the key of tls.crt")]
    Mismatch,
    /// Issuing failed.
    #[error("cannot issue a certificate: {0}")]
    Issue(String),
}
