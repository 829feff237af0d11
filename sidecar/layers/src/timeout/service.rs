//! The layer's service.

use std::task::{Context, Poll};

use http::Request;
use tower::{BoxError, Service};

use super::{Deadline, TimeoutFuture, TimeoutLayer};

/// Gives up requests that get no answer in time.
#[derive(Debug, Clone)]
pub struct Timeout<S> {
    inner: S,
    config: TimeoutLayer,
}

impl<S> Timeout<S> {
    pub(super) fn new(inner: S, config: TimeoutLayer) -> Self {
        Self { inner, config }
    }
}

impl<S, ReqBody> Service<Request<ReqBody>> for Timeout<S>
where
    S: Service<Request<ReqBody>>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = TimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let limit = self.config.limit();
        let deadline = Deadline::stamp(request.extensions_mut(), limit);
        limit.give_up(deadline, self.inner.call(request))
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use tokio::time::Instant;
    use tower::{Layer, ServiceExt, service_fn};

    use super::super::TimedOut;
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn answering_after(delay: Duration) -> impl Service<Request<()>, Response = Instant, Error = BoxError> {
        TimeoutLayer::new(LIMIT).layer(service_fn(move |request: Request<()>| async move {
            tokio::time::sleep(delay).await;
            Ok::<_, Infallible>(Deadline::of(request.extensions()).unwrap().0)
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_time_passes_and_the_deadline_is_seen_within() {
        let start = Instant::now();
        let seen = answering_after(LIMIT * 9 / 10).oneshot(Request::new(())).await;
        assert_eq!(seen.unwrap(), start + LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_is_given_up_at_the_deadline() {
        let start = Instant::now();
        let error = answering_after(LIMIT * 2).oneshot(Request::new(())).await.unwrap_err();
        assert_eq!(error.downcast_ref::<TimedOut>(), Some(&TimedOut { limit: LIMIT }));
        assert_eq!(start.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn another_limit_is_for_the_requests_that_come_then() {
        let (start, layer) = (Instant::now(), TimeoutLayer::new(LIMIT));
        let silent = service_fn(|_: Request<()>| std::future::pending::<Result<(), Infallible>>());
        let mut service = layer.layer(silent);
        let before = service.call(Request::new(()));
        layer.set_limit(LIMIT / 10);
        let after = service.call(Request::new(()));
        for (answer, limit) in [(after, LIMIT / 10), (before, LIMIT)] {
            let error = answer.await.unwrap_err();
            assert_eq!(error.downcast_ref::<TimedOut>(), Some(&TimedOut { limit }));
            assert_eq!(start.elapsed(), limit);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_deadline_is_kept() {
        let start = Instant::now();
        let mut request = Request::new(());
        request.extensions_mut().insert(Deadline(start + Duration::from_secs(2)));
        assert!(answering_after(LIMIT * 2).oneshot(request).await.is_err());
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }
}
