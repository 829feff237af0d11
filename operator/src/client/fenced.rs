//! A layer that lets no write through while another operator may lead.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Method, Request};
use thiserror::Error;
use tower::{BoxError, Layer, Service};

use crate::election::leadership::Leadership;

/// A write that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("another operator may lead by now: nothing is written")]
pub(crate) struct NotLeading;

/// Refuses writes while this operator does not lead.
#[derive(Debug, Clone)]
pub(crate) struct Fence(Leadership);

impl Fence {
    /// As long as this leads, writes pass.
    pub(crate) fn of(leadership: &Leadership) -> Self {
        Self(leadership.clone())
    }
}

impl<S> Layer<S> for Fence {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced { inner, leadership: self.0.clone() }
    }
}

/// A client behind the fence.
#[derive(Debug, Clone)]
pub(crate) struct Fenced<S> {
    inner: S,
    leadership: Leadership,
}

impl<S, B> Service<Request<B>> for Fenced<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if !reads && !self.leadership.leads() {
            return Box::pin(async { Err(NotLeading.into()) });
        }
        let answer = self.inner.call(request);
        if reads {
            return Box::pin(async { answer.await.map_err(Into::into) });
        }
        // What waits in a queue of this process is a write too, and must not leave it later.
        let mut leadership = self.leadership.clone();
        Box::pin(async move {
            tokio::select! {
                biased;
                answer = answer => answer.map_err(Into::into),
                () = leadership.lost() => Err(NotLeading.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::watch;
    use tokio::time::Instant;
    use tower::ServiceExt as _;

    use super::*;

    fn write() -> Request<()> {
        Request::patch("/api/v1/namespaces/shop/services/orders").body(()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn writes_end_with_the_term_and_reads_go_on() {
        let (until, receiver) = watch::channel(None);
        let (service, mut server) = tower_test::mock::pair::<Request<()>, ()>();
        let client = Fence::of(&Leadership::of(receiver)).layer(service);
        server.allow(10);

        let error = client.clone().oneshot(write()).await.unwrap_err();
        assert!(error.is::<NotLeading>(), "{error}");
        let read = tokio::spawn(client.clone().oneshot(Request::get("/api").body(()).unwrap()));
        let (seen, answer) = server.next_request().await.unwrap();
        assert_eq!(seen.method(), Method::GET, "the write was not sent");
        answer.send_response(());
        read.await.unwrap().unwrap();

        until.send(Some(Instant::now() + Duration::from_secs(10))).unwrap();
        let start = Instant::now();
        let under_way = tokio::spawn(client.clone().oneshot(write()));
        let (seen, _no_answer) = server.next_request().await.unwrap();
        assert_eq!(seen.method(), Method::PATCH);
        assert!(under_way.await.unwrap().unwrap_err().is::<NotLeading>());
        assert_eq!(start.elapsed().as_secs(), 10);
    }
}
