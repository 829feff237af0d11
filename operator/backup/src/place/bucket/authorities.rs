//! The authorities in a PEM bundle. Pure.

use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use thiserror::Error;

/// Why a bundle vouches for nobody. Each reads behind the bundle's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoAuthorities {
    /// Its text is broken.
    #[error("is no PEM: {0}")]
    Pem(String),
    /// What a certificate holds is none.
    #[error("holds what is no certificate: {0}")]
    Certificate(String),
    /// There is none in it.
    #[error("holds no certificate")]
    Empty,
}

/// Reads a bundle: its certificates, at least one.
///
/// # Errors
/// When any of it cannot be used: half a bundle would be found out about when the other half is needed.
pub fn read(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, NoAuthorities> {
    let (mut found, mut roots) = (Vec::new(), RootCertStore::empty());
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| NoAuthorities::Pem(error.to_string()))?;
        let added = roots.add(certificate.clone());
        added.map_err(|error| NoAuthorities::Certificate(error.to_string()))?;
        found.push(certificate);
    }
    if found.is_empty() { Err(NoAuthorities::Empty) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_bundle_is_told() {
        for (pem, expected) in [
            ("", "holds no certificate"),
            ("not PEM at all", "holds no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "is no PEM"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "holds what is no certificate",
            ),
        ] {
            let error = read(pem.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected) && !error.contains('\n'), "{pem}: {error}");
        }
    }
}
