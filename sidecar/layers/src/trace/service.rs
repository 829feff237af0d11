//! The layer's service.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower::Service;

use super::{ErrorType, OpenSpan, SpanPolicy, TraceFuture, TracedBody};

/// Opens one span a request and keeps it open until the response body ends.
#[derive(Debug, Clone)]
pub struct Trace<P, S> {
    policy: P,
    inner: S,
}

impl<P, S> Trace<P, S> {
    pub(super) fn new(policy: P, inner: S) -> Self {
        Self { policy, inner }
    }
}

impl<P, S, ReqBody, ResBody> Service<Request<ReqBody>> for Trace<P, S>
where
    P: SpanPolicy + Clone,
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Error: ErrorType,
{
    type Response = Response<TracedBody<ResBody>>;
    type Error = S::Error;
    type Future = TraceFuture<P, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        match self.policy.open(&mut request) {
            None => TraceFuture::new(None, self.inner.call(request)),
            Some(span) => {
                let inner = span.in_scope(|| self.inner.call(request));
                TraceFuture::new(Some((OpenSpan(span), self.policy.clone())), inner)
            }
        }
    }
}
