//! The certificate that the proxies show, in the files that each of them reads.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{client::Trust, error::BenchError};

/// Whom it is for.
const NAME: &str = "localhost";

/// A certificate that signed itself; its files are removed with it.
#[derive(Debug)]
pub(crate) struct Certificate {
    folder: TempDir,
    /// For the client.
    pub(crate) trust: Trust,
}

impl Certificate {
    pub(crate) fn new(scratch: &Path) -> Result<Self, BenchError> {
        let folder = TempDir::new_in(scratch).map_err(BenchError::io("make a folder in", scratch))?;
        let pair = rcgen::generate_simple_self_signed([NAME.to_owned()])
            .map_err(|error| BenchError::Client(format!("cannot make a certificate: {error}")))?;
        let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
        let (crt, both) = (folder.path().join("tls.crt"), folder.path().join("both.pem"));
        let files = [
            (&crt, certificate.clone()),
            (&folder.path().join("tls.key"), key.clone()),
            (&both, certificate + &key),
        ];
        for (path, text) in files {
            fs::write(path, text).map_err(BenchError::io("write", path))?;
        }
        Ok(Self { trust: Trust::new(pair.cert.der().clone(), NAME)?, folder })
    }

    /// Where it lies as `tls.crt` and `tls.key`.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The certificate and its key in one file.
    pub(super) fn both(&self) -> PathBuf {
        self.folder().join("both.pem")
    }
}
