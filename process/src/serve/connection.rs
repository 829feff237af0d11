//! One connection from its handshake to its end.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

use super::activity::{Activity, Tracked};
use super::body::RequestBody;
use super::lane::{Express, Lane};
use super::options::ServeOptions;
use super::protocols::Protocols;
use super::rewound::Rewound;
use super::stream::{Io, Plain};
use crate::listen::Peer;

/// What every connection of a listener is served with.
pub(super) struct Connection<E, S, P> {
    express: E,
    service: S,
    options: ServeOptions,
    shutdown: CancellationToken,
    protocols: PhantomData<P>,
}

impl<E: Clone, S: Clone, P> Clone for Connection<E, S, P> {
    fn clone(&self) -> Self {
        let Self { express, service, options, shutdown, protocols } = self;
        let (express, service) = (express.clone(), service.clone());
        Self { express, service, options: options.clone(), shutdown: shutdown.clone(), protocols: *protocols }
    }
}

impl<E, S, P, B> Connection<E, S, P>
where
    E: Express,
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    P: Protocols,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    pub(super) fn new(express: E, service: S, options: ServeOptions, shutdown: CancellationToken) -> Self {
        Self { express, service, options, shutdown, protocols: PhantomData }
    }

    /// Shakes hands where TLS is on, then exchanges requests and answers until the end.
    pub(super) async fn serve(self, stream: Plain, peer: Peer) {
        let Some(config) = self.options.tls.clone() else {
            return self.exchange(Either::Left(stream), peer, None).await;
        };
        let accepting = TlsAcceptor::from(config).accept(stream);
        match tokio::time::timeout(self.options.header_read, accepting).await {
            Ok(Ok(stream)) => {
                let chosen = Some(match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Version::HTTP_2,
                    _ => Version::HTTP_11,
                });
                self.exchange(Either::Right(Box::new(stream)), Peer { tls: true, ..peer }, chosen).await;
            }
            // Port scanners and clients that do not trust us are no news.
            Ok(Err(error)) => tracing::debug!(%error, peer = ?peer.address, "A TLS handshake failed."),
            Err(_) => tracing::debug!(peer = ?peer.address, "A TLS handshake took too long."),
        }
    }

    async fn exchange(self, mut stream: Io, peer: Peer, chosen: Option<Version>) {
        let early = if E::LANE && chosen != Some(Version::HTTP_2) {
            let Self { express, service, options, shutdown, .. } = &self;
            let (express, service) = (express.clone(), service.clone());
            match (Lane { express, service, options, shutdown, peer: &peer }).serve(&mut stream).await {
                Ok(Some(early)) => early,
                Ok(None) => return,
                Err(error) => {
                    tracing::debug!(%error, peer = ?peer.address, "A connection ended early.");
                    return;
                }
            }
        } else {
            Bytes::new()
        };
        self.exchange_by_hyper(Rewound::new(early, stream), peer, chosen).await;
    }

    async fn exchange_by_hyper(self, stream: Rewound<Io>, peer: Peer, chosen: Option<Version>) {
        let Self { service, options, shutdown, .. } = self;
        let activity = Activity::new();
        let (in_use, sender) = (activity.clone(), peer.clone());
        let tracked = service_fn(move |mut request: Request<Incoming>| {
            let in_flight = in_use.begin();
            request.extensions_mut().insert(sender.clone());
            // A clone that was never polled ready must not be called, so the original stays here.
            let mut service = service.clone();
            async move {
                std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
                let response = service.call(request.map(RequestBody::Streamed)).await?;
                Ok::<_, Infallible>(response.map(|body| Tracked::new(body, in_flight)))
            }
        });
        let mut connection = pin!(P::start(&options, chosen, TokioIo::new(stream), tracked));
        let mut unused = pin!(activity.unused(options.header_read, options.idle.get()));
        let mut draining = false;
        loop {
            tokio::select! {
                // What was read before the end of the process was told is begun, and so answered.
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        let error = error.into();
                        tracing::debug!(error, peer = ?peer.address, "A connection ended early.");
                    }
                    return;
                }
                () = shutdown.cancelled(), if !draining => {
                    draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = unused.as_mut() => return,
            }
        }
    }
}
