//! The layer's service.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::{BoxError, Service};

use super::{Overloaded, Permit, PermittedBody, ShedFuture, policy::Places};

/// Refuses requests beyond a number in flight.
#[derive(Debug, Clone)]
pub struct Shed<S> {
    inner: S,
    places: Arc<Places>,
}

impl<S> Shed<S> {
    pub(super) fn new(inner: S, places: Arc<Places>) -> Self {
        Self { inner, places }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Shed<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Error: Into<BoxError>,
{
    type Response = Response<PermittedBody<ResBody>>;
    type Error = BoxError;
    type Future = ShedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match Permit::take(&self.places) {
            Some(permit) => ShedFuture::admitted(permit, self.inner.call(request)),
            None => ShedFuture::refused(Overloaded { limit: self.places.limit() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use tower::{Layer, ServiceExt, service_fn};

    use super::super::ShedLayer;
    use super::*;

    #[tokio::test]
    async fn a_place_is_taken_until_the_body_ends() {
        let layer = ShedLayer::new(1);
        let service = layer.layer(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("v"))))
        }));
        let first = service.clone().oneshot(Request::new(())).await.unwrap();
        let refused = service.clone().oneshot(Request::new(())).await.unwrap_err();
        assert_eq!(refused.downcast_ref::<Overloaded>(), Some(&Overloaded { limit: 1 }));
        first.into_body().collect().await.unwrap();
        assert!(service.oneshot(Request::new(())).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_gives_its_place_back() {
        let layer = ShedLayer::new(1);
        let mut never = layer.layer(service_fn(|_: Request<()>| {
            std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
        }));
        let waiting = never.call(Request::new(()));
        assert!(never.call(Request::new(())).await.is_err());
        drop(waiting);
        let third = tokio::time::timeout(Duration::from_secs(1), never.call(Request::new(()))).await;
        assert!(third.is_err(), "it was admitted, and waits");
    }

    #[tokio::test]
    async fn another_bound_holds_at_once_and_sends_nobody_away() {
        let layer = ShedLayer::new(2);
        let service = layer.layer(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("v"))))
        }));
        let ask = || service.clone().oneshot(Request::new(()));
        let (first, second) = (ask().await.unwrap(), ask().await.unwrap());
        layer.set_limit(1);
        let refused = ask().await.unwrap_err();
        assert_eq!(refused.downcast_ref::<Overloaded>(), Some(&Overloaded { limit: 1 }));
        first.into_body().collect().await.unwrap();
        assert!(ask().await.is_err(), "the other is in flight yet");
        second.into_body().collect().await.unwrap();
        let third = ask().await.unwrap();
        layer.set_limit(2);
        assert!(ask().await.is_ok());
        drop(third);
    }
}
