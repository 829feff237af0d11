//! The layer and its service.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Request, Response, Uri, Version, header::HOST};
use kivi_api::headers::KIVI_CHANGE_FEED;
use kivi_layers::PeerOf;
use tower::{BoxError, Layer, Service};

use super::{forwarded, hop};
use crate::upstream::Target;

/// Adds [`Proxy`].
#[derive(Debug, Clone)]
pub struct ProxyLayer {
    target: Arc<Target>,
    peer: PeerOf,
}

impl ProxyLayer {
    /// Passes on to `target`; `peer` says who sent a request.
    pub fn new(target: Target, peer: PeerOf) -> Self {
        Self { target: Arc::new(target), peer }
    }
}

impl<S> Layer<S> for ProxyLayer {
    type Service = Proxy<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Proxy { inner, config: self.clone() }
    }
}

/// Makes of a client's request the one for the server, and of the server's answer the client's.
#[derive(Debug, Clone)]
pub struct Proxy<S> {
    inner: S,
    config: ProxyLayer,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Proxy<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    ResBody: Send + 'static,
{
    type Response = Response<ResBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let answer = self.inner.call(self.config.outgoing(request));
        Box::pin(async move { answer.await.map(incoming).map_err(Into::into) })
    }
}

impl ProxyLayer {
    /// `Host` is as [`Admit`](super::Admit) left it.
    fn outgoing<B>(&self, mut request: Request<B>) -> Request<B> {
        *request.uri_mut() = Uri::from(self.target.path(request.uri().path_and_query()));
        let (version, peer) = (request.version(), (self.peer)(request.extensions()));
        let headers = request.headers_mut();
        // A client that nominates it in `Connection` must not take it away.
        let host = headers.get(HOST).cloned();
        hop::strip_request(headers);
        // The sidecar's own watch says so, and no client's.
        headers.remove(KIVI_CHANGE_FEED);
        hop::join_cookies(headers);
        forwarded::add(headers, peer, host.as_ref(), version);
        if let Some(host) = host {
            headers.insert(HOST, host);
        }
        *request.version_mut() = Version::HTTP_11;
        request
    }
}

fn incoming<B>(mut response: Response<B>) -> Response<B> {
    hop::strip(response.headers_mut());
    *response.version_mut() = Version::HTTP_11;
    response
}
