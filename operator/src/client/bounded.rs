//! A layer that ends each call in time, so that an API server that hangs holds nothing for ever.
//!
//! A watch must begin in the time of a call. It may go on for [`WATCH`]: then its answer ends as if the API
//! server had ended it, and is taken up again where it was.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Either, Full};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tower::{BoxError, Layer, Service};

use crate::progress::{WATCH_TIMEOUT_SECONDS, is_watch};

/// How long a call may take, with all its tries and its whole answer.
pub(crate) const CALL: Duration = Duration::from_secs(20);

/// How long a watch may go on: the API server is asked to end it earlier.
pub(crate) const WATCH: Duration = Duration::from_secs(WATCH_TIMEOUT_SECONDS as u64 + 20);

/// The API server's answer did not come, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the API server did not answer within {} s", CALL.as_secs())]
pub(crate) struct TimedOut;

/// Bounds each call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds;

impl<S> Layer<S> for Bounds {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Bounded<S> {
        Bounded { inner }
    }
}

/// A client whose calls end.
#[derive(Debug, Clone)]
pub(crate) struct Bounded<S> {
    inner: S,
}

impl<S, Q, B> Service<Request<Q>> for Bounded<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Either<Full<Bytes>, Ending<B>>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let begin = Instant::now();
        let watch = is_watch(request.uri());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = timeout_at(begin + CALL, answer).await.map_err(|_| TimedOut)?.map_err(Into::into)?;
            let (head, body) = answer.into_parts();
            let body = if watch {
                Either::Right(Ending { body, end: Box::pin(sleep_until(begin + WATCH)) })
            } else {
                let whole = timeout_at(begin + CALL, body.collect()).await.map_err(|_| TimedOut)?;
                Either::Left(Full::new(whole.map_err(Into::into)?.to_bytes()))
            };
            Ok(Response::from_parts(head, body))
        })
    }
}

/// An answer that ends in time, whatever the API server does.
#[derive(Debug)]
pub(crate) struct Ending<B> {
    body: B,
    end: Pin<Box<Sleep>>,
}

impl<B> Body for Ending<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.end.as_mut().poll(context).is_ready() {
            // What kube takes for the end of a watch, rather than for a failure of one.
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }
}

#[cfg(test)]
mod tests;
