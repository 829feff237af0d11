//! The layer's response future.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project_lite::pin_project;

use super::{ErrorType, OpenSpan, SpanPolicy, TracedBody};

pin_project! {
    /// Polls the inner service inside the span and records how it answered.
    #[derive(Debug)]
    pub struct TraceFuture<P, F> {
        span: Option<(OpenSpan, P)>,
        #[pin]
        inner: F,
    }
}

impl<P, F> TraceFuture<P, F> {
    pub(super) fn new(span: Option<(OpenSpan, P)>, inner: F) -> Self {
        Self { span, inner }
    }
}

impl<P, F, ResBody, E> Future for TraceFuture<P, F>
where
    P: SpanPolicy,
    F: Future<Output = Result<Response<ResBody>, E>>,
    E: ErrorType,
{
    type Output = Result<Response<TracedBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = {
            let _entered = this.span.as_ref().map(|(span, _)| span.0.enter());
            ready!(this.inner.poll(cx))
        };
        let span = this.span.take();
        Poll::Ready(match result {
            Ok(response) => {
                let span = span.map(|(span, policy)| {
                    span.answered(response.status(), policy.is_error(response.status()));
                    span
                });
                Ok(response.map(|body| TracedBody::new(body, span)))
            }
            Err(error) => {
                if let Some((span, _)) = span {
                    span.failed_as(error.error_type());
                }
                Err(error)
            }
        })
    }
}
