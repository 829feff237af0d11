//! What a listener speaks. Types, not values: HTTP/2 is compiled in only for the services that speak it,
//! and it is the largest part of a small server.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use tower::BoxError;

use super::options::ServeOptions;
use super::rewound::Rewound;
use super::stream::Io;

/// Streams a client may open at once on an HTTP/2 connection.
const MAX_STREAMS: u32 = 256;

/// Starts to speak on a connection.
pub(super) trait Protocols: Send + 'static {
    /// `chosen` is what TLS negotiated; in the clear the client's first bytes tell.
    fn start<S, B>(
        options: &ServeOptions,
        chosen: Option<Version>,
        io: TokioIo<Rewound<Io>>,
        service: S,
    ) -> impl GracefulConnection<Error: Into<BoxError> + Send> + Send
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>;
}

/// HTTP/1.1 and HTTP/2, as the client likes.
pub(super) struct Both;

/// HTTP/1.1 only, for probes and operations.
pub(super) struct Http1;

impl Protocols for Both {
    fn start<S, B>(
        options: &ServeOptions,
        chosen: Option<Version>,
        io: TokioIo<Rewound<Io>>,
        service: S,
    ) -> impl GracefulConnection<Error: Into<BoxError> + Send> + Send
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(options.idle.get())
            .max_buf_size(options.max_head)
            .half_close(options.half_close);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(options.max_head).unwrap_or(u32::MAX))
            .adaptive_window(false)
            .keep_alive_interval(options.idle.get() / 2);
        let builder = match chosen {
            None => builder,
            Some(Version::HTTP_2) => builder.http2_only(),
            Some(_) => builder.http1_only(),
        };
        builder.serve_connection(io, service).into_owned()
    }
}

impl Protocols for Http1 {
    fn start<S, B>(
        options: &ServeOptions,
        _: Option<Version>,
        io: TokioIo<Rewound<Io>>,
        service: S,
    ) -> impl GracefulConnection<Error: Into<BoxError> + Send> + Send
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.idle.get())
            .max_buf_size(options.max_head)
            .half_close(options.half_close)
            .serve_connection(io, service)
    }
}
