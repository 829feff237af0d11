//! Who is at the other end of the connection, as the layers need it.

use std::net::SocketAddr;

use http::Extensions;

/// The other end of the client's connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; none on a Unix socket.
    pub address: Option<SocketAddr>,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

/// How a binary tells its layers who the peer of a request is: it knows which extension its listener set.
pub type PeerOf = fn(&Extensions) -> Peer;
