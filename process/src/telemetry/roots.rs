//! Which certificates vouch for an `https://` receiver: those of `OTEL_EXPORTER_OTLP_CERTIFICATE` (or its
//! `_TRACES_` form), a PEM file, else Mozilla's, which are compiled in, so that images need no file.

use std::io;

use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use thiserror::Error;

const VARIABLES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];

/// Who vouches for a receiver.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Roots {
    Mozilla,
    /// PEM certificates, and no others.
    Given(Vec<u8>),
}

/// Why the given certificates cannot be used.
#[derive(Debug, Error)]
pub enum RootsError {
    /// The file cannot be read.
    #[error("{variable}: cannot read {file}: {source}")]
    Read {
        /// Which variable.
        variable: &'static str,
        /// Which file it names.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The file holds no certificate.
    #[error("{variable}: {file} holds no PEM certificate")]
    Empty {
        /// Which variable.
        variable: &'static str,
        /// Which file it names.
        file: String,
    },
}

impl Roots {
    pub(super) fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Self, RootsError> {
        let Some((variable, file)) = VARIABLES.into_iter().find_map(|name| Some((name, read(name)?))) else {
            return Ok(Self::Mozilla);
        };
        match std::fs::read(&file) {
            Ok(pem) if certificates(&pem).next().is_some() => Ok(Self::Given(pem)),
            Ok(_) => Err(RootsError::Empty { variable, file }),
            Err(source) => Err(RootsError::Read { variable, file, source }),
        }
    }

    pub(super) fn for_grpc(&self) -> ClientTlsConfig {
        match self {
            Self::Mozilla => ClientTlsConfig::new().with_webpki_roots(),
            Self::Given(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        }
    }

    pub(super) fn for_http(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        match self {
            Self::Mozilla => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::Given(pem) => {
                store.add_parsable_certificates(certificates(pem));
            }
        }
        store
    }
}

fn certificates(pem: &[u8]) -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(file: &str) -> Result<Roots, RootsError> {
        Roots::from_variables(|name| (name == "OTEL_EXPORTER_OTLP_CERTIFICATE").then(|| file.to_owned()))
    }

    #[test]
    fn without_a_file_mozillas_roots_vouch() {
        let roots = Roots::from_variables(|_| None).unwrap();
        assert_eq!(roots, Roots::Mozilla);
        assert!(roots.for_http().len() > 50);
    }

    #[test]
    fn a_given_file_vouches_alone_and_a_bad_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.crt");
        let name = file.to_str().unwrap();
        assert!(given(name).unwrap_err().to_string().contains("cannot read"));
        std::fs::write(&file, "nonsense").unwrap();
        let message = given(name).unwrap_err().to_string();
        assert!(
            message.starts_with("OTEL_EXPORTER_OTLP_CERTIFICATE: ")
                && message.ends_with("no PEM certificate")
        );
        let pair = rcgen::generate_simple_self_signed(["collector".to_owned()]).unwrap();
        std::fs::write(&file, pair.cert.pem()).unwrap();
        assert_eq!(given(name).unwrap().for_http().len(), 1);
    }
}
