//! The layer's response future.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project_lite::pin_project;
use tower::BoxError;

use super::{Overloaded, Permit, PermittedBody};

pin_project! {
    /// Hands the place on to the response body, or refuses.
    #[derive(Debug)]
    pub struct ShedFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = Projected]
    enum State<F> {
        Admitted { permit: Option<Permit>, #[pin] inner: F },
        Refused { error: Overloaded },
    }
}

impl<F> ShedFuture<F> {
    pub(super) fn admitted(permit: Permit, inner: F) -> Self {
        Self { state: State::Admitted { permit: Some(permit), inner } }
    }

    pub(super) fn refused(error: Overloaded) -> Self {
        Self { state: State::Refused { error } }
    }
}

impl<F, ResBody, E> Future for ShedFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<PermittedBody<ResBody>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().state.project() {
            Projected::Refused { error } => Err((*error).into()),
            Projected::Admitted { permit, inner } => ready!(inner.poll(cx))
                .map(|response| response.map(|body| PermittedBody::new(body, permit.take())))
                .map_err(Into::into),
        })
    }
}
