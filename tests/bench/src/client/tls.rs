//! TLS of the client: whom it trusts, and the handshake.

use std::{io, net::TcpStream, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
    version::TLS13,
};

use crate::error::BenchError;

/// How long a server may take for a step of a handshake.
const STEP: Duration = Duration::from_secs(30);

/// The one certificate that servers must show.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Trust {
    /// Of a certificate that signed itself, for `name`.
    pub(crate) fn new(certificate: CertificateDer<'static>, name: &'static str) -> Result<Self, BenchError> {
        let failed = |error: String| BenchError::Client(format!("cannot set up TLS: {error}"));
        let mut roots = RootCertStore::empty();
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            // One for all, whatever each proxy would choose.
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| failed(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name).map_err(|error| failed(error.to_string()))?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// Does the handshake on a socket that blocks.
    pub(super) fn shake_hands(&self, socket: &mut TcpStream) -> io::Result<ClientConnection> {
        socket.set_read_timeout(Some(STEP))?;
        let mut session =
            ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(socket)?;
        }
        Ok(session)
    }
}
