//! What a server shows to whoever connects: only a handshake tells, a Secret does not.

use std::net::SocketAddr;
use std::sync::Arc;

use kivi_tests::Failure;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The certificate that a server shows to a client that trusts `bundle` and nothing else, and asks for `name`.
///
/// # Errors
/// When the client does not take it.
pub(crate) async fn served(
    address: SocketAddr,
    name: &str,
    bundle: &str,
) -> Result<CertificateDer<'static>, Failure> {
    let what = format!("a handshake with {name}");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        let certificate = certificate.map_err(|error| Failure::doing(&what, error))?;
        roots.add(certificate).map_err(|error| Failure::doing(&what, error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::doing(&what, error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerName::try_from(name.to_owned()).map_err(|error| Failure::doing(&what, error))?;
    let stream = TcpStream::connect(address).await.map_err(|error| Failure::doing(&what, error))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(server, stream).await;
    let stream = stream.map_err(|error| Failure::doing(&what, error))?;
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().and_then(<[_]>::first);
    Ok(shown.ok_or_else(|| Failure::doing(&what, "no certificate"))?.clone().into_owned())
}
