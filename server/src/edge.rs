//! The outer edge of the API: what holds for every request, whatever its route.
//!
//! - A request body that nobody reads to its end is let run out ([`LingeringBody`]).
//! - A refusal of a layer becomes a response.
//! - An answer to HEAD has the fields of its body, and no body: HTTP/2 would send it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use kivi_api::{Problem, ProblemType};
use kivi_layers::auth::Unauthorized;
use kivi_layers::linger::LingeringBody;
use tower::{BoxError, Service};

use crate::routes::{Body, sentence};

/// The outermost service inside tracing and metrics.
#[derive(Clone)]
pub(crate) struct Edge<S> {
    inner: S,
}

impl<S> Edge<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B> Service<Request<B>> for Edge<S>
where
    S: Service<Request<LingeringBody<B>>, Response = Response<Body>, Error = BoxError, Future: Unpin>,
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = EdgeFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A layer that refuses before the call refuses the call too; the answer then says why.
        ready!(self.inner.poll_ready(cx)).unwrap_or_default();
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_head = *request.method() == Method::HEAD;
        let inner = self.inner.call(LingeringBody::of(request));
        EdgeFuture { inner, is_head }
    }
}

/// The future of an answer.
pub(crate) struct EdgeFuture<F> {
    inner: F,
    is_head: bool,
}

impl<F> Future for EdgeFuture<F>
where
    F: Future<Output = Result<Response<Body>, BoxError>> + Unpin,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = ready!(Pin::new(&mut self.inner).poll(cx)).unwrap_or_else(|error| refusal(&error));
        if self.is_head {
            // Of a 304 the length would be the value's, which is not said (RFC 9110 section 8.6).
            if response.status() != StatusCode::NOT_MODIFIED
                && let Some(length) = response.body().size_hint().exact()
            {
                response.headers_mut().entry(CONTENT_LENGTH).or_insert(HeaderValue::from(length));
            }
            *response.body_mut() = Body::default();
        }
        Poll::Ready(Ok(response))
    }
}

fn refusal(error: &BoxError) -> Response<Body> {
    let Some(unauthorized) = error.downcast_ref::<Unauthorized>() else {
        tracing::error!(%error, "A layer failed in a way that has no answer of its own.");
        return Problem::new(ProblemType::Internal, "The server failed; its log says why.").into_response();
    };
    let mut response: Response<Body> =
        Problem::new(ProblemType::Unauthorized, sentence(unauthorized)).into_response();
    let challenge = HeaderValue::from_static(unauthorized.challenge());
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
