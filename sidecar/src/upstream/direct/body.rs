//! The body of a plain answer: what came with the head, then what is still to come on the connection.

use std::{
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::io::AsyncReadExt;
use tower::BoxError;

use super::Connection;
use crate::upstream::{Outgoing, Received, idle::Idle};

/// Bytes that are read at once.
const READ: usize = 64 << 10;

/// The body of an answer that was asked for directly.
#[derive(Debug)]
pub enum DirectBody<B: Send + 'static> {
    /// Of a plain one.
    Plain(Plain),
    /// Of one that hyper reads.
    ByHyper(Received<Outgoing<B>>),
}

/// The body of a plain answer.
#[derive(Debug)]
pub struct Plain {
    /// What came already.
    data: Bytes,
    /// Bytes that are to come, and the connection they come on.
    rest: Option<(u64, Kept)>,
}

/// A connection that is kept when its answer has ended, and closed when that was dropped before.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) connection: Connection,
    pub(super) keep: Duration,
    pub(super) idle: Arc<Idle<Connection>>,
}

impl Kept {
    fn keep(self) {
        self.idle.keep(self.connection, self.keep);
    }
}

impl Plain {
    /// A body of `length` bytes, of which some `arrived`. With more than those the connection has said what nobody asked
    /// for, and is closed.
    pub(super) fn new(mut arrived: Bytes, length: u64, connection: Kept) -> Self {
        let left = length.checked_sub(arrived.len() as u64);
        if left.is_none() {
            #[expect(clippy::cast_possible_truncation, reason = "it is less than what has arrived")]
            arrived.truncate(length as usize);
        }
        let rest = match left {
            Some(0) => {
                connection.keep();
                None
            }
            left => left.map(|left| (left, connection)),
        };
        Self { data: arrived, rest }
    }

    /// All of it, where that is there.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        self.rest.is_none().then(|| std::mem::take(&mut self.data))
    }
}

impl Body for Plain {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        let Some((left, kept)) = &mut self.rest else { return Poll::Ready(None) };
        let room = usize::try_from(*left).unwrap_or(READ).min(READ);
        let mut data = BytesMut::with_capacity(room);
        let read = ready!(pin!((&mut kept.connection.io).take(*left).read_buf(&mut data)).poll(cx));
        let count = match read {
            Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            other => other,
        };
        match count {
            Ok(count) => {
                *left -= count as u64;
                if *left == 0
                    && let Some((_, kept)) = self.rest.take()
                {
                    kept.keep();
                }
                Poll::Ready(Some(Ok(Frame::data(data.freeze()))))
            }
            Err(error) => {
                self.rest = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.rest.as_ref().map_or(0, |(left, _)| *left);
        SizeHint::with_exact(self.data.len() as u64 + left)
    }
}

impl<B> Body for DirectBody<B>
where
    B: Send + 'static,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Plain(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::ByHyper(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain(body) => body.is_end_stream(),
            Self::ByHyper(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(body) => body.size_hint(),
            Self::ByHyper(body) => body.size_hint(),
        }
    }
}
