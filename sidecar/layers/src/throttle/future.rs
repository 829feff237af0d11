//! The layer's response future.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower::{BoxError, Service};

use super::Throttled;

pin_project! {
    /// The inner answer, after a wait where one is due, or the refusal.
    pub struct ThrottleFuture<S, R>
    where
        S: Service<R>,
    {
        #[pin]
        state: State<S, R>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<S, R>
    where
        S: Service<R>,
    {
        Passing { #[pin] inner: S::Future },
        // The service that was ready waits with its request.
        Delayed { #[pin] turn: Sleep, waiting: Option<(S, R)> },
        Refused { error: Throttled },
    }
}

impl<S: Service<R>, R> ThrottleFuture<S, R> {
    pub(super) fn passing(inner: S::Future) -> Self {
        Self { state: State::Passing { inner } }
    }

    pub(super) fn delayed(service: S, request: R, wait: Duration) -> Self {
        Self { state: State::Delayed { turn: sleep(wait), waiting: Some((service, request)) } }
    }

    pub(super) fn refused(error: Throttled) -> Self {
        Self { state: State::Refused { error } }
    }
}

impl<S, R> Future for ThrottleFuture<S, R>
where
    S: Service<R>,
    S::Error: Into<BoxError>,
{
    type Output = Result<S::Response, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                Projected::Refused { error } => return Poll::Ready(Err((*error).into())),
                Projected::Passing { inner } => return inner.poll(cx).map_err(Into::into),
                Projected::Delayed { turn, waiting } => {
                    ready!(turn.poll(cx));
                    match waiting.take() {
                        Some((mut service, request)) => State::Passing { inner: service.call(request) },
                        None => return Poll::Pending,
                    }
                }
            };
            state.set(next);
        }
    }
}
