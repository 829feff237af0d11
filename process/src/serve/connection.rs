//! One connection from its handshake to its end.

use std::convert::Infallible;
use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::ServeOptions;
use super::activity::{Activity, Tracked};
use crate::listen::Peer;

/// Bytes of a request's head and of the read buffer of an HTTP/1 connection.
const MAX_HEAD: usize = 64 * 1024;

/// Streams a client may open at once on an HTTP/2 connection.
const MAX_STREAMS: u32 = 256;

/// A connection as the kernel hands it over.
pub(super) type Plain = Either<TcpStream, UnixStream>;

/// A connection as HTTP sees it. One type for all kinds: HTTP/2 is compiled once for each type it runs
/// on, which would double the size of a server's image.
type Io = Either<Plain, Box<TlsStream<Plain>>>;

/// What every connection of a listener is served with.
#[derive(Clone)]
pub(super) struct Connection<S> {
    service: S,
    options: ServeOptions,
    shutdown: CancellationToken,
}

impl<S, B> Connection<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn new(service: S, options: ServeOptions, shutdown: CancellationToken) -> Self {
        Self { service, options, shutdown }
    }

    /// Shakes hands where TLS is on, then exchanges requests and answers until the end.
    pub(super) async fn serve(self, stream: Plain, peer: Peer) {
        let Some(config) = self.options.tls.clone() else {
            return self.exchange(Either::Left(stream), peer, Protocol::Either).await;
        };
        let accepting = TlsAcceptor::from(config).accept(stream);
        match tokio::time::timeout(self.options.header_read, accepting).await {
            Ok(Ok(stream)) => {
                let protocol = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                self.exchange(Either::Right(Box::new(stream)), Peer { tls: true, ..peer }, protocol).await;
            }
            // Port scanners and clients that do not trust us are no news.
            Ok(Err(error)) => tracing::debug!(%error, peer = ?peer.address, "A TLS handshake failed."),
            Err(_) => tracing::debug!(peer = ?peer.address, "A TLS handshake took too long."),
        }
    }

    async fn exchange(self, stream: Io, peer: Peer, protocol: Protocol) {
        let Self { service, options, shutdown } = self;
        let activity = Activity::new();
        let (in_use, sender) = (activity.clone(), peer.clone());
        let tracked = service_fn(move |mut request: Request<Incoming>| {
            let in_flight = in_use.begin();
            request.extensions_mut().insert(sender.clone());
            // A clone that was never polled ready must not be called, so the original stays here.
            let mut service = service.clone();
            async move {
                std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
                let response = service.call(request).await?;
                Ok::<_, Infallible>(response.map(|body| Tracked::new(body, in_flight)))
            }
        });
        let builder = builder(&options, protocol);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), tracked));
        let mut unused = pin!(activity.unused(options.header_read, options.idle));
        let mut draining = false;
        let ended = loop {
            tokio::select! {
                ended = connection.as_mut() => break ended,
                () = shutdown.cancelled(), if !draining => {
                    draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = unused.as_mut() => break Ok(()),
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, peer = ?peer.address, "A connection ended early.");
        }
    }
}

/// What a connection speaks.
#[derive(Clone, Copy)]
enum Protocol {
    Http1,
    Http2,
    Either,
}

fn builder(options: &ServeOptions, protocol: Protocol) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.idle)
        .max_buf_size(MAX_HEAD)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .adaptive_window(false)
        .keep_alive_interval(options.idle / 2);
    match protocol {
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_only(),
        Protocol::Either => builder,
    }
}
