//! Refuses what no gateway may pass on, and settles which host a request is for.
//!
//! It stands outside of whatever lets requests share an exchange: a request that is ambiguous by itself
//! must neither begin one nor be remembered as its failure.

use std::{
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::Either;
use http::{Method, Request, header::HOST, uri::Authority};
use tower::{BoxError, Layer, Service};

use super::{ProxyError, host};

/// Adds [`Admit`].
#[derive(Debug, Clone)]
pub struct AdmitLayer {
    fallback: Arc<Authority>,
}

impl AdmitLayer {
    /// `fallback` is the host of requests that may name none (HTTP/1.0).
    pub fn new(fallback: Authority) -> Self {
        Self { fallback: Arc::new(fallback) }
    }
}

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Admit { inner, fallback: Arc::clone(&self.fallback) }
    }
}

/// Lets pass what names one host, with that as its only `Host`.
#[derive(Debug, Clone)]
pub struct Admit<S> {
    inner: S,
    fallback: Arc<Authority>,
}

impl<S, B> Service<Request<B>> for Admit<S>
where
    S: Service<Request<B>, Error = BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<S::Future, Ready<Result<S::Response, BoxError>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.method() == Method::CONNECT {
            return Either::Right(ready(Err(ProxyError::Connect.into())));
        }
        match host::of(&request, &self.fallback) {
            Ok(host) => {
                request.headers_mut().insert(HOST, host);
                Either::Left(self.inner.call(request))
            }
            Err(error) => Either::Right(ready(Err(error.into()))),
        }
    }
}
