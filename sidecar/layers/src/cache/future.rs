//! The layer's response future.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use tower::BoxError;

use super::CacheBody;

type Outcome = Result<Response<CacheBody>, BoxError>;

/// An answer that is there, or one that is waited for.
pub struct CacheFuture(State);

enum State {
    /// From the store: costs no allocation.
    There(Option<Outcome>),
    Waiting(Pin<Box<dyn Future<Output = Outcome> + Send>>),
}

impl CacheFuture {
    pub(super) fn there(outcome: Outcome) -> Self {
        Self(State::There(Some(outcome)))
    }

    /// Bytes that a waiter takes, a seat's place aside.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        match &self.0 {
            State::There(_) => 0,
            State::Waiting(future) => size_of_val(&**future),
        }
    }

    pub(super) fn waiting(future: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Self(State::Waiting(Box::pin(future)))
    }
}

impl Future for CacheFuture {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::There(outcome) => outcome.take().map_or(Poll::Pending, Poll::Ready),
            State::Waiting(future) => future.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for CacheFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheFuture").finish_non_exhaustive()
    }
}
