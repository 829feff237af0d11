//! The future of an answer: known at once for a read, waiting for the log for a write.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;

use super::Body;

/// An answer to come. Cannot fail: what goes wrong is an answer too.
pub(crate) enum RouteFuture {
    /// The answer; taken by the first poll.
    Known(Option<Response<Body>>),
    /// A write under way.
    Waits(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

impl Future for RouteFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            // Polled again after its end, a future may do as it pleases; this one never wakes.
            Self::Known(answer) => answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer))),
            Self::Waits(write) => write.as_mut().poll(cx).map(Ok),
        }
    }
}
