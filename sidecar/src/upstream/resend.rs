//! Sends a request again when the server had closed the pooled connection it was sent on.
//!
//! RFC 9110, section 9.2.2: a request with an idempotent method may be repeated when the connection closed
//! before an answer came. It is repeated once, on a fresh connection, and only without a body.

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Method, Request};
use kivi_layers::trace::ResendCount;
use tower::{Layer, Service};

use super::{Outgoing, UpstreamError};

/// Adds [`Resend`].
#[derive(Debug, Clone, Copy)]
pub struct ResendLayer;

impl<S> Layer<S> for ResendLayer {
    type Service = Resend<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Resend { inner }
    }
}

/// Sends a request again, once, where that is safe.
#[derive(Debug, Clone)]
pub struct Resend<S> {
    inner: S,
}

impl<S, B> Service<Request<Outgoing<B>>> for Resend<S>
where
    S: Service<Request<Outgoing<B>>, Error = UpstreamError> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = UpstreamError;
    type Future = BoxFuture<'static, Result<S::Response, UpstreamError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Outgoing<B>>) -> Self::Future {
        let again = repeatable(&request).then(|| repeat(&request));
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            match (inner.call(request).await, again) {
                (Err(error), Some(again)) if error.is_stale_connection() => {
                    tracing::debug!(%error, "Sending a request again.");
                    std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
                    inner.call(again).await
                }
                (result, _) => result,
            }
        })
    }
}

fn repeatable<B>(request: &Request<Outgoing<B>>) -> bool {
    let idempotent = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS | Method::TRACE
    );
    idempotent && request.body().is_empty()
}

/// The same head, counted as the first repetition.
fn repeat<B>(request: &Request<Outgoing<B>>) -> Request<Outgoing<B>> {
    let mut again = Request::new(Outgoing::empty());
    again.method_mut().clone_from(request.method());
    again.uri_mut().clone_from(request.uri());
    again.headers_mut().clone_from(request.headers());
    again.extensions_mut().insert(ResendCount(1));
    again
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;

    use super::*;

    fn request(method: Method, body: Outgoing<Full<Bytes>>) -> Request<Outgoing<Full<Bytes>>> {
        Request::builder().method(method).uri("/v1/k?x=1").header("a", "b").body(body).unwrap()
    }

    #[test]
    fn only_what_is_idempotent_and_empty_is_sent_again() {
        assert!(repeatable(&request(Method::GET, Outgoing::empty())));
        assert!(repeatable(&request(Method::DELETE, Outgoing::empty())));
        assert!(!repeatable(&request(Method::POST, Outgoing::empty())));
        assert!(!repeatable(&request(Method::PUT, Outgoing::from(Full::from("v")))));
    }

    #[test]
    fn the_repetition_is_the_same_head_and_counted() {
        let again = repeat(&request(Method::GET, Outgoing::empty()));
        assert_eq!((again.uri().path(), again.uri().query()), ("/v1/k", Some("x=1")));
        assert_eq!(again.headers()["a"], "b");
        assert_eq!(again.extensions().get(), Some(&ResendCount(1)));
    }
}
