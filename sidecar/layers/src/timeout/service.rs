//! The layer's service.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use http::Request;
use tower::{BoxError, Service};

use super::{Deadline, TimeoutFuture};

/// Gives up requests that get no answer in time.
#[derive(Debug, Clone)]
pub struct Timeout<S> {
    inner: S,
    limit: Duration,
}

impl<S> Timeout<S> {
    pub(super) fn new(inner: S, limit: Duration) -> Self {
        Self { inner, limit }
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
        let deadline = Deadline::stamp(request.extensions_mut(), self.limit);
        TimeoutFuture::new(deadline, self.limit, self.inner.call(request))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::time::Instant;
    use tower::{Layer, ServiceExt, service_fn};

    use super::super::{TimedOut, TimeoutLayer};
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
    async fn an_earlier_deadline_is_kept() {
        let start = Instant::now();
        let mut request = Request::new(());
        request.extensions_mut().insert(Deadline(start + Duration::from_secs(2)));
        assert!(answering_after(LIMIT * 2).oneshot(request).await.is_err());
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }
}
