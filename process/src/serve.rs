//! Serves HTTP on a listener until told to stop, then drains.
//!
//! Both the server and the sidecar use it, so that connections are bounded and end in one way: a bound on
//! their number, a time to shake hands, to send a head and to be idle, small buffers, and a drain with a
//! deadline of its own (a connection that never sends its HTTP/2 preface must not hold it up).

mod activity;
mod connection;
mod protocols;
mod stream;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::listen::{Inner, Listener, Peer};
use connection::Connection;
use protocols::{Both, Http1, Protocols};
use stream::Plain;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How connections are served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Encrypts every connection and offers HTTP/2 by ALPN; without it HTTP/1.1 and HTTP/2 with prior
    /// knowledge are served in the clear.
    pub tls: Option<Arc<ServerConfig>>,
    /// Longest time a connection may stay without a request.
    pub idle: Duration,
    /// Longest time from a connection's start to its first request's head, TLS handshake included.
    pub header_read: Duration,
    /// Connections at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Whether an HTTP/1 client that shuts its writing side (`nc -N`) still gets its answer. The price is
    /// that a client that leaves is not noticed before its answer, so only for what answers soon.
    pub half_close: bool,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            tls: None,
            idle: Duration::from_secs(60),
            header_read: Duration::from_secs(10),
            max_connections: 20_000,
            half_close: false,
        }
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request in flight was answered.
    Graceful,
    /// The grace period ended first, and so many connections were cut.
    DeadlineExceeded {
        /// How many.
        connections: usize,
    },
}

/// How long to wait after the kernel refused to hand over a connection (it is out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` fires; then accepts nothing more, tells each client to go away after its
/// requests in flight, and cuts what is left after `grace`.
pub async fn serve<S, B>(
    listener: Listener,
    service: S,
    options: ServeOptions,
    shutdown: CancellationToken,
    grace: Duration,
) -> Drained
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let connection = Connection::<S, Both>::new(service, options.clone(), shutdown.clone());
    accept_all(listener, connection, options.max_connections, shutdown, grace).await
}

/// Serves a router's probes or operations: as [`serve`], in the clear and over HTTP/1.1 only.
pub async fn serve_router(
    listener: Listener,
    router: axum::Router,
    shutdown: CancellationToken,
    grace: Duration,
) -> Drained {
    let options = ServeOptions::default();
    let connection = Connection::<axum::Router, Http1>::new(router, options.clone(), shutdown.clone());
    accept_all(listener, connection, options.max_connections, shutdown, grace).await
}

async fn accept_all<S, P, B>(
    listener: Listener,
    connection: Connection<S, P>,
    max_connections: usize,
    shutdown: CancellationToken,
    grace: Duration,
) -> Drained
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    P: Protocols,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    let permits = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
    while let Some(accepted) = shutdown.run_until_cancelled(accept(&listener, &permits)).await {
        match accepted {
            Ok((stream, peer, permit)) => {
                let serving = connection.clone().serve(stream, peer);
                let cut = cut.clone();
                connections.spawn(async move {
                    cut.run_until_cancelled(serving).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, address = %listener.local_addr(), "Cannot accept a connection.");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(grace, connections.wait()).await.is_ok() {
        return Drained::Graceful;
    }
    let left = connections.len();
    cut.cancel();
    connections.wait().await;
    Drained::DeadlineExceeded { connections: left }
}

async fn accept(
    listener: &Listener,
    permits: &Arc<Semaphore>,
) -> io::Result<(Plain, Peer, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    Ok(match &listener.inner {
        Inner::Tcp(inner) => {
            let (stream, address) = inner.accept().await?;
            // Answers are written whole; waiting to fill a packet only adds latency.
            stream.set_nodelay(true)?;
            (Plain::Left(stream), Peer { address: Some(address), tls: false }, permit)
        }
        Inner::Unix(inner) => {
            (Plain::Right(inner.accept().await?.0), Peer { address: None, tls: false }, permit)
        }
    })
}

#[cfg(test)]
mod tests;
