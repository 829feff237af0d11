//! Bodies on the way to the server and back.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;

use super::pool::Lease;

pin_project! {
    /// A request's body. One that is known to be empty can be sent again.
    #[derive(Debug)]
    pub struct Outgoing<B> {
        #[pin]
        body: Option<B>,
    }
}

impl<B: Body> From<B> for Outgoing<B> {
    fn from(body: B) -> Self {
        Self { body: (!body.is_end_stream()).then_some(body) }
    }
}

impl<B> Default for Outgoing<B> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<B> Outgoing<B> {
    /// Nothing to send.
    pub const fn empty() -> Self {
        Self { body: None }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.body.is_none()
    }
}

impl<B: Body<Data = Bytes>> Body for Outgoing<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().body.as_pin_mut() {
            None => Poll::Ready(None),
            Some(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// An answer's body. Its connection goes back to the pool when it has ended; one that is dropped before
/// its end closes the connection.
#[derive(Debug)]
pub struct Received<B: Send + 'static> {
    incoming: Incoming,
    lease: Option<Lease<B>>,
}

impl<B: Send + 'static> Received<B> {
    pub(super) fn new(incoming: Incoming, lease: Lease<B>) -> Self {
        let mut received = Self { incoming, lease: Some(lease) };
        if received.incoming.is_end_stream() {
            received.release();
        }
        received
    }

    fn release(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.release();
        }
    }
}

impl<B: Send + 'static> Body for Received<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        match &frame {
            Some(Ok(_)) if self.incoming.is_end_stream() => self.release(),
            Some(Ok(_)) => {}
            Some(Err(_)) => drop(self.lease.take()),
            None => self.release(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
