//! The serving certificate, replaced on disk without a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::watch;

/// Names of a `kubernetes.io/tls` Secret's files.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// The certificate and key that new connections are served with.
#[derive(Debug)]
pub struct Certificates {
    dir: PathBuf,
    current: ArcSwap<CertifiedKey>,
}

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {message}", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The key cannot serve the certificate.
    #[error("the key {KEY} in {} does not fit the certificate {CERTIFICATE}: {source}", dir.display())]
    Pair {
        /// Which directory.
        dir: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The TLS library refused the configuration.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
}

/// The one crypto provider of the project.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

impl Certificates {
    /// Reads `tls.crt` (a chain, leaf first) and `tls.key` from `dir`.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn load(dir: &Path) -> Result<Arc<Self>, TlsError> {
        let current = read(dir)?;
        Ok(Arc::new(Self { dir: dir.to_owned(), current: ArcSwap::from_pointee(current) }))
    }

    /// A server configuration that offers HTTP/2 and HTTP/1.1 and always serves the current pair.
    ///
    /// # Errors
    /// When the TLS library refuses the provider.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let resolver = Arc::clone(self) as Arc<dyn ResolvesServerCert>;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Follows the directory until `shutdown`. A bad read keeps the pair of the last good one;
    /// established connections keep theirs.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        watch::watch(&self.dir, shutdown, || match read(&self.dir) {
            Ok(pair) => {
                tracing::info!(dir = %self.dir.display(), "The serving certificate was replaced.");
                self.current.store(Arc::new(pair));
            }
            Err(error) => tracing::warn!(%error, "The old serving certificate stays in use."),
        })
        .await;
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn read(dir: &Path) -> Result<CertifiedKey, TlsError> {
    let file = |name: &str| {
        let path = dir.join(name);
        std::fs::read(&path).map(|pem| (path.clone(), pem)).map_err(|source| TlsError::Read { path, source })
    };
    let (certificate_path, certificate_pem) = file(CERTIFICATE)?;
    let (key_path, key_pem) = file(KEY)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&certificate_pem)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::Pem { path: certificate_path.clone(), message: error.to_string() })?;
    if chain.is_empty() {
        return Err(TlsError::Pem {
            path: certificate_path,
            message: "it holds no PEM certificate".to_owned(),
        });
    }
    let key = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|error| TlsError::Pem {
        path: key_path,
        message: format!("it holds no PEM private key: {error}"),
    })?;
    CertifiedKey::from_der(chain, key, &provider())
        .map_err(|source| TlsError::Pair { dir: dir.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use rcgen::generate_simple_self_signed;

    use super::*;

    fn write_pair(dir: &Path) -> Vec<u8> {
        let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(dir.join(CERTIFICATE), pair.cert.pem()).unwrap();
        std::fs::write(dir.join(KEY), pair.signing_key.serialize_pem()).unwrap();
        pair.cert.der().to_vec()
    }

    fn served(certificates: &Certificates) -> Vec<u8> {
        certificates.current.load().cert[0].to_vec()
    }

    #[test]
    fn each_bad_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let message = |dir: &Path| Certificates::load(dir).unwrap_err().to_string();
        assert!(message(dir.path()).contains("tls.crt"));
        write_pair(dir.path());
        std::fs::write(dir.path().join(KEY), "nonsense").unwrap();
        assert!(message(dir.path()).contains("tls.key: it holds no PEM private key"));
        let other = generate_simple_self_signed(["other".to_owned()]).unwrap();
        std::fs::write(dir.path().join(KEY), other.signing_key.serialize_pem()).unwrap();
        assert!(message(dir.path()).contains("does not fit the certificate"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_is_served_and_a_bad_pair_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let first = write_pair(dir.path());
        let (certificates, shutdown) = (Certificates::load(dir.path()).unwrap(), CancellationToken::new());
        let watcher = tokio::spawn(Arc::clone(&certificates).watch(shutdown.clone()));
        tokio::time::sleep(watch::INTERVAL * 2).await;
        assert_eq!(served(&certificates), first);

        let second = write_pair(dir.path());
        tokio::time::sleep(watch::INTERVAL * 2).await;
        assert_eq!(served(&certificates), second);

        std::fs::write(dir.path().join(KEY), "nonsense").unwrap();
        tokio::time::sleep(watch::INTERVAL * 2).await;
        assert_eq!(served(&certificates), second);

        shutdown.cancel();
        watcher.await.unwrap();
    }
}
