//! Serves HTTP on a listener until told to stop, then drains.
//!
//! Both the server and the sidecar use it, so that connections are bounded and end in one way: a bound on
//! their number, a time to shake hands, to send a head and to be idle, small buffers, and a drain with a
//! deadline of its own (a connection that never sends its HTTP/2 preface must not hold it up).

mod activity;
mod body;
mod connection;
mod idle;
mod lane;
mod metrics;
mod options;
mod protocols;
mod refusal;
mod rewound;
mod stream;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

pub use self::body::RequestBody;
pub use self::idle::IdleTime;
pub use self::lane::{Answer, Express, Handled, Never, NoLane, PlainRequest, Reply, each_of};
use crate::listen::{Inner, Listener, Peer};
use connection::Connection;
pub use metrics::ConnectionMetrics;
pub use options::ServeOptions;
use protocols::{Both, Http1, Protocols};
use refusal::Refusal;
use stream::Plain;

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
/// requests in flight, and cuts what is left after `grace`. Plain requests are `express`'s first.
pub async fn serve<E, S, B>(
    listener: Listener,
    express: E,
    service: S,
    options: ServeOptions,
    shutdown: CancellationToken,
    grace: Duration,
) -> Drained
where
    E: Express,
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let connection = Connection::<E, S, Both>::new(express, service, options.clone(), shutdown.clone());
    accept_all(listener, connection, &options, shutdown, grace).await
}

/// Serves a router's probes or operations: as [`serve`], in the clear and over HTTP/1.1 only.
pub async fn serve_router(
    listener: Listener,
    router: axum::Router,
    shutdown: CancellationToken,
    grace: Duration,
) -> Drained {
    let options = ServeOptions::default();
    let connection =
        Connection::<NoLane, axum::Router, Http1>::new(NoLane, router, options.clone(), shutdown.clone());
    accept_all(listener, connection, &options, shutdown, grace).await
}

async fn accept_all<E, S, P, B>(
    listener: Listener,
    connection: Connection<E, S, P>,
    options: &ServeOptions,
    shutdown: CancellationToken,
    grace: Duration,
) -> Drained
where
    E: Express,
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    P: Protocols,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut connections = JoinSet::new();
    let permits = Arc::new(Semaphore::new(options.max_connections.min(Semaphore::MAX_PERMITS)));
    let refusal = options.over_limit.clone().filter(|_| options.tls.is_none()).map(Refusal::new);
    while let Some(accepted) = shutdown.run_until_cancelled(accept(&listener)).await {
        match accepted {
            Ok((stream, peer)) => {
                let permit = match Arc::clone(&permits).try_acquire_owned() {
                    Ok(permit) => permit,
                    Err(_) if options.over_limit.is_some() => {
                        options.metrics.refuse();
                        if let Some(refusal) = &refusal {
                            refusal.tell(stream);
                        }
                        continue;
                    }
                    Err(_) => {
                        let waited = shutdown.run_until_cancelled(Arc::clone(&permits).acquire_owned()).await;
                        // The semaphore is never closed.
                        let Some(Ok(permit)) = waited else { break };
                        permit
                    }
                };
                let serving = connection.clone().serve(stream, peer);
                // Those that are over leave when the next one comes.
                while connections.try_join_next().is_some() {}
                let open = options.metrics.open();
                connections.spawn(async move {
                    serving.await;
                    drop((open, permit));
                });
            }
            Err(error) => {
                tracing::warn!(%error, address = %listener.local_addr(), "Cannot accept a connection.");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let answered = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, answered).await.is_ok() {
        return Drained::Graceful;
    }
    let left = connections.len();
    connections.shutdown().await;
    Drained::DeadlineExceeded { connections: left }
}

async fn accept(listener: &Listener) -> io::Result<(Plain, Peer)> {
    Ok(match &listener.inner {
        Inner::Tcp(inner) => {
            let (stream, address) = inner.accept().await?;
            // Answers are written whole; waiting to fill a packet only adds latency.
            stream.set_nodelay(true)?;
            (Plain::Left(stream), Peer { address: Some(address), tls: false })
        }
        Inner::Unix(inner) => (Plain::Right(inner.accept().await?.0), Peer { address: None, tls: false }),
    })
}

#[cfg(test)]
mod tests;
