//! The layer's response future.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tower::BoxError;

use super::Unauthorized;

pin_project! {
    /// The inner answer, or the refusal.
    #[derive(Debug)]
    pub struct AuthFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = Projected]
    enum State<F> {
        Admitted { #[pin] inner: F },
        Refused { error: Unauthorized },
    }
}

impl<F> AuthFuture<F> {
    pub(super) fn admitted(inner: F) -> Self {
        Self { state: State::Admitted { inner } }
    }

    pub(super) fn refused(error: Unauthorized) -> Self {
        Self { state: State::Refused { error } }
    }
}

impl<F, T, E> Future for AuthFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projected::Admitted { inner } => inner.poll(cx).map_err(Into::into),
            Projected::Refused { error } => Poll::Ready(Err((*error).into())),
        }
    }
}
