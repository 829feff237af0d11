//! The layer and its service.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Method, Request, Response, Uri, Version, header::HOST};
use kivi_layers::PeerOf;
use tower::{BoxError, Layer, Service};

use super::{ProxyError, forwarded, hop, host};
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
        match self.config.outgoing(request) {
            Err(error) => Box::pin(std::future::ready(Err(error.into()))),
            Ok(request) => {
                let answer = self.inner.call(request);
                Box::pin(async move { answer.await.map(incoming).map_err(Into::into) })
            }
        }
    }
}

impl ProxyLayer {
    fn outgoing<B>(&self, mut request: Request<B>) -> Result<Request<B>, ProxyError> {
        if request.method() == Method::CONNECT {
            return Err(ProxyError::Connect);
        }
        let host = host::of(&request, &self.target.authority)?;
        *request.uri_mut() = Uri::from(self.target.path(request.uri().path_and_query()));
        let (version, peer) = (request.version(), (self.peer)(request.extensions()));
        let headers = request.headers_mut();
        hop::strip_request(headers);
        hop::join_cookies(headers);
        forwarded::add(headers, peer, &host, version);
        headers.insert(HOST, host);
        *request.version_mut() = Version::HTTP_11;
        Ok(request)
    }
}

fn incoming<B>(mut response: Response<B>) -> Response<B> {
    hop::strip(response.headers_mut());
    *response.version_mut() = Version::HTTP_11;
    response
}
