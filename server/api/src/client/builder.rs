//! How a client is set up; everything is checked before the first connection.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::connector::Connector;
use super::{Client, ClientError};

/// Longer than any value takes on a sound network; a client that wants less says so.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Below the idle limit of the server and the sidecar (60s), so that a pooled connection is not one that
/// the other end is just closing.
const POOL_IDLE: Duration = Duration::from_secs(20);

/// Sets up a [`Client`].
#[derive(Clone)]
pub struct ClientBuilder {
    url: String,
    ca_pem: Option<Vec<u8>>,
    token: Option<String>,
    connect_to: Option<SocketAddr>,
    http1_only: bool,
    timeout: Duration,
}

impl ClientBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ca_pem: None,
            token: None,
            connect_to: None,
            http1_only: false,
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// The certificate authorities that the server's certificate must come from, as PEM; an `https://` URL
    /// needs them.
    #[must_use]
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_pem = Some(pem.into());
        self
    }

    /// The bearer token to send; white space around it is dropped.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.trim().to_owned());
        self
    }

    /// Connects to this address whatever the URL's host, whose name the certificate must carry all the
    /// same: for a port-forward.
    #[must_use]
    pub fn connect_to(mut self, address: SocketAddr) -> Self {
        self.connect_to = Some(address);
        self
    }

    /// Does not offer HTTP/2 in the TLS handshake.
    #[must_use]
    pub fn http1_only(mut self) -> Self {
        self.http1_only = true;
        self
    }

    /// Longest time from a call to its whole answer. Default 30s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Builds the client; nothing is connected yet.
    ///
    /// # Errors
    /// [`ClientError::Url`], [`ClientError::Ca`] or [`ClientError::Token`].
    pub fn build(self) -> Result<Client, ClientError> {
        let url_error = |reason: &str| ClientError::Url { url: self.url.clone(), reason: reason.to_owned() };
        let uri: Uri =
            self.url.parse().map_err(|error: http::uri::InvalidUri| url_error(&error.to_string()))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(url_error("write scheme and host, as in https://orders.default.svc"));
        };
        if parts.path_and_query.is_some_and(|path| path != "/") {
            return Err(url_error("write it without a path: the client adds /v1/ and the key"));
        }
        if authority.as_str().contains('@') {
            return Err(url_error("write it without a user name: access is by bearer token"));
        }
        let tls = if scheme == Scheme::HTTPS {
            Some(Arc::new(self.tls()?))
        } else if scheme == Scheme::HTTP {
            None
        } else {
            return Err(url_error("write http:// or https://"));
        };
        let http = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(Connector::new(tls, self.connect_to));
        Ok(Client { http, scheme, authority, authorization: self.authorization()?, timeout: self.timeout })
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, ClientError> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ClientError::Token)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn tls(&self) -> Result<ClientConfig, ClientError> {
        let ca_error = |reason: &dyn fmt::Display| ClientError::Ca { reason: reason.to_string() };
        let pem = self.ca_pem.as_deref().ok_or_else(|| {
            ca_error(&"an https:// URL needs them; a store has them in the ConfigMap NAME-ca")
        })?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| ca_error(&error))?;
            roots.add(certificate).map_err(|error| ca_error(&error))?;
        }
        if roots.is_empty() {
            return Err(ca_error(&"there is no certificate in the PEM"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ca_error(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if !self.http1_only {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        Ok(config)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the token.
        f.debug_struct("ClientBuilder")
            .field("url", &self.url)
            .field("connect_to", &self.connect_to)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_with_the_way_out() {
        for (url, part) in [
            ("orders", "write scheme and host"),
            ("ftp://orders", "write http:// or https://"),
            ("http://orders/v1/", "without a path"),
            ("http://me@orders", "by bearer token"),
            ("https://orders", "NAME-ca"),
        ] {
            let error = Client::builder(url).build().unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
        let error = Client::builder("https://orders").ca_pem("no PEM").build();
        assert!(error.unwrap_err().to_string().contains("no certificate"));
        let error = Client::builder("http://orders").token("a\nb").build();
        assert!(matches!(error.unwrap_err(), ClientError::Token));
    }

    #[test]
    fn no_debug_output_shows_the_token() {
        let builder = Client::builder("http://orders").token("hunter2");
        assert!(!format!("{builder:?}").contains("hunter2"));
        assert!(!format!("{:?}", builder.build().unwrap()).contains("hunter2"));
    }
}
