//! The layer's response future.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};
use tower::BoxError;

use super::{Deadline, TimedOut};

pin_project! {
    /// The inner answer, or [`TimedOut`] at the deadline.
    #[derive(Debug)]
    pub struct TimeoutFuture<F> {
        limit: Duration,
        deadline: Deadline,
        // Made at the first wait: an answer that is there at once costs no timer.
        #[pin]
        sleep: Option<Sleep>,
        #[pin]
        inner: F,
    }
}

impl<F> TimeoutFuture<F> {
    pub(super) fn new(deadline: Deadline, limit: Duration, inner: F) -> Self {
        Self { limit, deadline, sleep: None, inner }
    }
}

impl<F, T, E> Future for TimeoutFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(result) = this.inner.poll(cx) {
            return Poll::Ready(result.map_err(Into::into));
        }
        if this.sleep.is_none() {
            this.sleep.set(Some(sleep_until(this.deadline.0)));
        }
        match this.sleep.as_pin_mut().map(|sleep| sleep.poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Err(TimedOut { limit: *this.limit }.into())),
            _ => Poll::Pending,
        }
    }
}
