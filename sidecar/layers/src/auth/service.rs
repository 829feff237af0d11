//! The layer's service.

use std::task::{Context, Poll};

use http::{Request, header};
use tower::{BoxError, Service};

use super::{AuthFuture, AuthLayer, Caller, Verifier};

/// Lets pass who may.
#[derive(Debug, Clone)]
pub struct Auth<V, S> {
    inner: S,
    rule: AuthLayer<V>,
}

impl<V, S> Auth<V, S> {
    pub(super) fn new(inner: S, rule: AuthLayer<V>) -> Self {
        Self { inner, rule }
    }
}

impl<V, S, ReqBody> Service<Request<ReqBody>> for Auth<V, S>
where
    V: Verifier,
    S: Service<Request<ReqBody>>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = AuthFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        match self.rule.identify(request.method(), request.uri(), request.headers()) {
            Err(error) => AuthFuture::refused(error),
            Ok(caller) => {
                if matches!(caller, Caller::Token(_)) {
                    request.headers_mut().remove(header::AUTHORIZATION);
                }
                request.extensions_mut().insert(caller);
                AuthFuture::admitted(self.inner.call(request))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{Layer, ServiceExt, service_fn};

    use super::super::{Anonymous, Unauthorized};
    use super::*;

    #[derive(Clone)]
    struct Only(&'static [u8]);

    impl Verifier for Only {
        fn accepts(&self, token: &[u8]) -> bool {
            token == self.0
        }
    }

    /// Answers what the upstream would see: the caller, and whether `Authorization` came through.
    async fn seen(anonymous: Anonymous, authorization: Option<&str>) -> Result<(Caller, bool), BoxError> {
        let upstream = service_fn(|request: Request<()>| async move {
            let caller = *request.extensions().get::<Caller>().unwrap();
            Ok::<_, Infallible>((caller, request.headers().contains_key(header::AUTHORIZATION)))
        });
        let mut request = Request::put("/v1/k");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let stack = AuthLayer::new(Only(b"secret"), anonymous).layer(upstream);
        stack.oneshot(request.body(()).unwrap()).await
    }

    #[tokio::test]
    async fn a_token_stops_here_and_a_foreign_authorization_passes_where_all_is_open() {
        let (caller, leaked) = seen(Anonymous::None, Some("Bearer secret")).await.unwrap();
        assert!(matches!(caller, Caller::Token(_)) && !leaked);
        let (caller, passed) = seen(Anonymous::ReadWrite, Some("Basic dXNlcg==")).await.unwrap();
        assert!(caller == Caller::Anonymous && passed);
    }

    #[tokio::test]
    async fn a_refusal_never_reaches_the_service() {
        let error = seen(Anonymous::None, None).await.unwrap_err();
        let refused = error.downcast_ref::<Unauthorized>().unwrap();
        assert_eq!(refused.challenge(), "Bearer realm=\"kivi\"");
    }
}
