//! The body of an answer that went through the cache.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use tower::BoxError;

use super::{flight::Seat, machine::Next};

/// A stored body, a shared body as it comes in, or the inner service's own.
///
/// A shared body that will not be complete ends in [`FillFailed`](super::FillFailed), never in a short
/// success.
pub struct CacheBody(Kind);

enum Kind {
    /// All of it is here.
    Whole { data: Option<Bytes>, trailers: Option<Box<HeaderMap>> },
    /// It comes in, and others read it too. `left`: the bytes that are to come, where that is declared.
    Shared { seat: Option<Seat>, left: Option<u64> },
    /// It belongs to this request alone.
    Own(UnsyncBoxBody<Bytes, BoxError>),
}

impl CacheBody {
    /// No content, as of an answer to HEAD.
    pub(super) fn empty() -> Self {
        Self::whole(Bytes::new(), None)
    }

    /// Content that is all here.
    pub(super) fn whole(data: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self(Kind::Whole { data: (!data.is_empty()).then_some(data), trailers: trailers.map(Box::new) })
    }

    /// Content that comes in on a flight, `length` bytes where that is declared, or is there as a `whole`.
    pub(super) fn landed(seat: Seat, whole: Option<Bytes>, length: Option<u64>) -> Self {
        match whole {
            Some(data) => Self::whole(data, None),
            None => Self(Kind::Shared { seat: Some(seat), left: length }),
        }
    }

    /// The inner service's body.
    pub(super) fn own<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Kind::Own(body.map_err(Into::into).boxed_unsync()))
    }
}

impl Body for CacheBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = match &mut self.0 {
            Kind::Own(body) => return Pin::new(body).poll_frame(cx),
            Kind::Whole { data, trailers } => data
                .take()
                .map(Frame::data)
                .or_else(|| trailers.take().map(|trailers| Frame::trailers(*trailers)))
                .map(Ok),
            Kind::Shared { seat, left } => {
                let Some(reader) = seat else {
                    return Poll::Ready(None);
                };
                match ready!(reader.poll_next(cx)) {
                    Next::Chunk(chunk) => {
                        if let Some(left) = left {
                            *left = left.saturating_sub(chunk.len() as u64);
                        }
                        Some(Ok(Frame::data(chunk)))
                    }
                    Next::Failed(why) => {
                        *seat = None;
                        Some(Err(why.into()))
                    }
                    Next::End(trailers) => {
                        *seat = None;
                        trailers.map(|trailers| Ok(Frame::trailers(trailers)))
                    }
                    Next::Pending => return Poll::Pending,
                }
            }
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Own(body) => body.is_end_stream(),
            Kind::Whole { data, trailers } => data.is_none() && trailers.is_none(),
            Kind::Shared { seat, .. } => seat.as_ref().is_none_or(Seat::is_at_end),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Own(body) => body.size_hint(),
            // A server over HTTP/1.1 declares an exact length, and then sends no trailers.
            Kind::Whole { trailers: Some(_), .. } => SizeHint::default(),
            Kind::Whole { data, trailers: None } => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64))
            }
            Kind::Shared { left, .. } => left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

impl fmt::Debug for CacheBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Own(_) => "CacheBody::Own",
            Kind::Whole { .. } => "CacheBody::Whole",
            Kind::Shared { .. } => "CacheBody::Shared",
        })
    }
}
