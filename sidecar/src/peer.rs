//! Who sent a request, as the layers ask for it.

use http::Extensions;
use kivi_layers::Peer;
use kivi_process::listen;

/// The peer of a request's connection.
pub(crate) fn peer(extensions: &Extensions) -> Peer {
    extensions
        .get::<listen::Peer>()
        .map_or_else(Peer::default, |peer| Peer { address: peer.address, tls: peer.tls })
}
