//! The layer's response future.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project_lite::pin_project;

use super::{MeasuredBody, Unfinished, clock::Clock};

pin_project! {
    /// Hands the running clock on to the response body.
    #[derive(Debug)]
    pub struct MetricsFuture<F> {
        clock: Option<Clock>,
        #[pin]
        inner: F,
    }
}

impl<F> MetricsFuture<F> {
    pub(super) fn new(clock: Clock, inner: F) -> Self {
        Self { clock: Some(clock), inner }
    }
}

impl<F, ResBody, E> Future for MetricsFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = Result<Response<MeasuredBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let clock = this.clock.take();
        Poll::Ready(match result {
            Ok(response) => {
                let clock = clock.map(|mut clock| {
                    clock.answered(response.status());
                    clock
                });
                Ok(response.map(|body| MeasuredBody::new(body, clock)))
            }
            Err(error) => {
                if let Some(mut clock) = clock {
                    clock.unfinished(Unfinished::Service);
                }
                Err(error)
            }
        })
    }
}
