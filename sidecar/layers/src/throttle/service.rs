//! The layer's service.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use http::{Extensions, Request};
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::{
    By, OnExcess, ThrottleFuture, Throttled,
    client::Client,
    layer::{Limit, NO_DEADLINE},
};
use crate::{Peer, auth::Caller, timeout::Deadline};

/// Holds requests to a rate.
#[derive(Debug, Clone)]
pub struct Throttle<S> {
    inner: S,
    limit: Arc<ArcSwapOption<Limit>>,
}

impl<S> Throttle<S> {
    pub(super) fn new(inner: S, limit: Arc<ArcSwapOption<Limit>>) -> Self {
        Self { inner, limit }
    }
}

impl Limit {
    /// Whether a request may pass at once; then it has taken its token.
    pub(super) fn admits_now(&self, caller: &Caller, peer: Peer) -> bool {
        let client = match self.by {
            By::Client => Client::of(Some(caller), peer),
            By::Store => Client::Everybody,
        };
        self.buckets.take(client, Duration::ZERO).wait.is_zero()
    }

    /// How long the request waits, or why it may not pass.
    fn admit(&self, extensions: &Extensions) -> Result<Duration, Throttled> {
        let client = match self.by {
            By::Client => Client::of(extensions.get(), (self.peer)(extensions)),
            By::Store => Client::Everybody,
        };
        let patience = match self.on_excess {
            OnExcess::Reject => Duration::ZERO,
            OnExcess::Delay => match Deadline::of(extensions) {
                Some(Deadline(at)) => at.saturating_duration_since(Instant::now()),
                None => NO_DEADLINE,
            },
        };
        let wait = self.buckets.take(client, patience).wait;
        if wait > patience {
            return Err(Throttled { rate: self.rate, by: self.by, wait });
        }
        Ok(wait)
    }
}

impl<S, ReqBody> Service<Request<ReqBody>> for Throttle<S>
where
    S: Service<Request<ReqBody>> + Clone,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = ThrottleFuture<S, Request<ReqBody>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let admitted =
            self.limit.load().as_ref().map_or(Ok(Duration::ZERO), |limit| limit.admit(request.extensions()));
        match admitted {
            Err(error) => ThrottleFuture::refused(error),
            Ok(Duration::ZERO) => ThrottleFuture::passing(self.inner.call(request)),
            Ok(wait) => {
                // The service that was polled ready waits with the request; its clone stays.
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                ThrottleFuture::delayed(ready, request, wait)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, num::NonZeroU32};

    use tower::{Layer, ServiceExt, service_fn};

    use super::super::{Rate, ThrottleLayer};
    use super::*;

    /// One request a second, one at once.
    fn layer(on_excess: OnExcess) -> ThrottleLayer {
        let one = NonZeroU32::MIN;
        ThrottleLayer::new(Rate::new(one, one), By::Client, on_excess, |_| Peer::default())
    }

    fn service(
        on_excess: OnExcess,
    ) -> impl Service<Request<()>, Response = (), Error = BoxError, Future: Future> + Clone {
        layer(on_excess).layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(()) }))
    }

    #[tokio::test(start_paused = true)]
    async fn excess_is_refused_with_the_time_of_the_next_token() {
        let service = service(OnExcess::Reject);
        service.clone().oneshot(Request::new(())).await.unwrap();
        let error = service.clone().oneshot(Request::new(())).await.unwrap_err();
        let throttled = error.downcast_ref::<Throttled>().unwrap();
        assert_eq!(throttled.retry_after_seconds(), 1);
        assert_eq!(throttled.policy_field(), "\"client\";q=1;w=1");
        assert_eq!(throttled.remaining_field(), "\"client\";r=0;t=1");
        tokio::time::advance(Duration::from_secs(throttled.retry_after_seconds())).await;
        assert!(service.oneshot(Request::new(())).await.is_ok(), "Retry-After is true");
    }

    #[tokio::test(start_paused = true)]
    async fn excess_waits_its_turn_within_its_deadline() {
        let service = service(OnExcess::Delay);
        let start = Instant::now();
        let within = |seconds| {
            let mut request = Request::new(());
            request.extensions_mut().insert(Deadline(start + Duration::from_secs(seconds)));
            service.clone().oneshot(request)
        };
        within(5).await.unwrap();
        within(5).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        let refused = within(1).await.unwrap_err();
        assert!(refused.is::<Throttled>());
        assert_eq!(start.elapsed(), Duration::from_secs(1), "refused at once");
    }

    #[tokio::test(start_paused = true)]
    async fn another_limit_holds_at_once_for_every_service_of_the_layer() {
        let layer = ThrottleLayer::unlimited();
        let service = layer.layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(()) }));
        let passes = async || service.clone().oneshot(Request::new(())).await.is_ok();
        let limit = |per_second, by| {
            let number = NonZeroU32::new(per_second).unwrap();
            ThrottleLayer::new(Rate::new(number, number), by, OnExcess::Reject, |_| Peer::default())
        };
        assert!(passes().await && passes().await);
        layer.replace(&limit(1, By::Client));
        assert_eq!((passes().await, passes().await), (true, false));
        layer.replace(&limit(1, By::Client));
        assert!(!passes().await, "the bucket is as empty as it was");
        layer.replace(&limit(2, By::Client));
        assert!(!passes().await);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!((passes().await, passes().await), (true, false), "it fills at the new rate");
        layer.replace(&limit(1, By::Store));
        assert!(passes().await, "everybody's bucket is another one");
        layer.replace(&ThrottleLayer::unlimited());
        assert!(passes().await && passes().await);
    }
}
