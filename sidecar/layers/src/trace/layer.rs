//! The layer's configuration.

use tower::Layer;

use super::{Client, RouteOf, Server, Trace, Upstream};
use crate::PeerOf;

/// Opens one span a request; see [`TraceLayer::server`] and [`TraceLayer::client`].
#[derive(Debug, Clone)]
pub struct TraceLayer<P> {
    policy: P,
}

impl TraceLayer<Server> {
    /// SERVER spans, continuing the caller's trace: `{method} {route}`, or `{method}` without a route.
    pub fn server(route: RouteOf, peer: PeerOf) -> Self {
        Self { policy: Server::new(route, peer) }
    }
}

impl TraceLayer<Client> {
    /// CLIENT spans, children of the current span; their context is written into the request.
    pub fn client(upstream: Upstream) -> Self {
        Self { policy: Client::new(upstream) }
    }
}

impl<P: Clone, S> Layer<S> for TraceLayer<P> {
    type Service = Trace<P, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Trace::new(self.policy.clone(), inner)
    }
}
