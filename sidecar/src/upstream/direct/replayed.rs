//! A connection on which a request was sent and its answer has begun to come, as hyper has to see it: what hyper sends
//! first is that request once more, which goes nowhere, and what it reads first is what has come.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::upstream::connect::Io;

/// The connection.
#[derive(Debug)]
pub(super) struct Replayed {
    connection: Io,
    arrived: Bytes,
    asked: Asked,
}

/// How far the request is that goes nowhere.
#[derive(Debug)]
enum Asked {
    /// It has not begun; who waits to read is woken when it has ended.
    NotYet(Option<Waker>),
    /// It is being written.
    Begun(Option<Waker>),
    /// It is over.
    Done,
}

impl Replayed {
    pub(super) fn new(connection: Io, arrived: Bytes) -> Self {
        Self { connection, arrived, asked: Asked::NotYet(None) }
    }
}

impl AsyncRead for Replayed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Asked::NotYet(waiting) | Asked::Begun(waiting) = &mut self.asked {
            *waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.arrived.is_empty() {
            return Pin::new(&mut self.connection).poll_read(cx, into);
        }
        let length = self.arrived.len().min(into.remaining());
        into.put_slice(&self.arrived[..length]);
        self.arrived.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replayed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.asked {
            Asked::Done => Pin::new(&mut self.connection).poll_write(cx, bytes),
            Asked::NotYet(waiting) => {
                self.asked = Asked::Begun(waiting.take());
                Poll::Ready(Ok(bytes.len()))
            }
            Asked::Begun(_) => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Asked::Begun(waiting) = &mut self.asked {
            waiting.take().into_iter().for_each(Waker::wake);
            self.asked = Asked::Done;
        }
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}
