//! How connections are served.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::ServerConfig;

use super::idle::IdleTime;
use super::metrics::ConnectionMetrics;

/// How connections are served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Encrypts every connection and offers HTTP/2 by ALPN; without it HTTP/1.1 and HTTP/2 with prior
    /// knowledge are served in the clear.
    pub tls: Option<Arc<ServerConfig>>,
    /// Longest time a connection may stay without a request: for each the one in force when it is made.
    pub idle: IdleTime,
    /// Longest time from a connection's start to its first request's head, TLS handshake included.
    pub header_read: Duration,
    /// Connections at once.
    pub max_connections: usize,
    /// What further ones are told before they are closed: a whole HTTP/1.1 answer; over TLS they are closed without
    /// it. Without one they wait for their turn.
    pub over_limit: Option<Bytes>,
    /// Where connections are counted.
    pub metrics: ConnectionMetrics,
    /// Largest head of a request: request line and fields, in bytes, from 8 KiB. Over it HTTP/1 clients get 431 and
    /// HTTP/2 streams end.
    pub max_head: usize,
    /// Whether an HTTP/1 client that shuts its writing side (`nc -N`) still gets its answer. The price is
    /// that a client that leaves is not noticed before its answer, so only for what answers soon.
    pub half_close: bool,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            tls: None,
            idle: Duration::from_secs(60).into(),
            header_read: Duration::from_secs(10),
            max_connections: 20_000,
            over_limit: None,
            metrics: ConnectionMetrics::default(),
            max_head: 128 * 1024,
            half_close: false,
        }
    }
}
