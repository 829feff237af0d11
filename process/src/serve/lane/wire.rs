//! One connection as the lane has it: what came, what goes out, and the client behind it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Outbox};
use super::wait::{Waiting, Woken};
use crate::serve::options::ServeOptions;
use crate::serve::stream::Io;

/// The most of a plain request, in bytes.
pub(super) const ROOM: usize = 16 << 10;
/// Room for what a client sends at once, in bytes; a connection keeps it.
pub(super) const INBOX: usize = 4 << 10;
/// Answers to requests that came together are sent together, up to so many bytes.
pub(super) const FLUSH: usize = 32 << 10;

/// One connection.
pub(super) struct Wire<'w, 't> {
    pub(super) inbox: BytesMut,
    pub(super) outbox: Outbox,
    stream: &'w mut Io,
    waiting: Pin<&'w mut Waiting<'t>>,
    shutdown: &'w CancellationToken,
    idle: Duration,
    half_close: bool,
}

impl<'w, 't> Wire<'w, 't> {
    /// `shutdown` is this connection's own: asking it takes no lock that other connections take.
    pub(super) fn new(
        stream: &'w mut Io,
        waiting: Pin<&'w mut Waiting<'t>>,
        shutdown: &'w CancellationToken,
        options: &ServeOptions,
    ) -> Self {
        let (inbox, outbox) = (BytesMut::with_capacity(INBOX), Outbox::new());
        let (idle, half_close) = (options.idle.get(), options.half_close);
        Self { inbox, outbox, stream, waiting, shutdown, idle, half_close }
    }

    /// Whether the process is to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Room for an answer that is written now.
    pub(super) fn answer(&mut self) -> Answer<'_> {
        self.outbox.answer(Instant::now(), self.shutdown.is_cancelled())
    }

    /// Waits for the client's next bytes.
    pub(super) async fn receive(&mut self) -> io::Result<Woken> {
        self.inbox.reserve(INBOX / 2);
        self.waiting.as_mut().next(self.stream, &mut self.inbox).await
    }

    /// A request was answered at about `now`: the next has its time from then.
    pub(super) fn answered(&mut self, now: Instant) {
        self.waiting.as_mut().until(now + self.idle);
    }

    /// The connection's task has waited for something else than its client.
    pub(super) fn disturbed(&mut self) {
        self.waiting.as_mut().disturbed();
    }

    /// Sends what waits, and keeps its room unless it is large.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let outbox = std::mem::take(&mut self.outbox.bytes);
        let sent = self.send(&outbox).await;
        self.outbox.bytes = outbox;
        self.outbox.clear(INBOX);
        sent
    }

    /// Sends bytes behind what waits.
    pub(super) async fn send_behind(&mut self, bytes: &Bytes) -> io::Result<()> {
        self.flush().await?;
        self.send(bytes).await
    }

    /// A client that takes nothing for as long as a connection may be idle is given up.
    async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut disturbed = false;
        while !bytes.is_empty() {
            let written = noting(within(self.idle, self.stream.write(bytes)), &mut disturbed).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        // TLS holds back what the socket did not take.
        noting(within(self.idle, self.stream.flush()), &mut disturbed).await?;
        if disturbed {
            self.disturbed();
            self.answered(Instant::now());
        }
        Ok(())
    }

    /// What `future` gives, unless the client leaves before.
    ///
    /// # Errors
    /// When it left. Not where one that shuts its writing side still gets its answer: there nothing is looked at.
    pub(super) async fn unless_left<F: Future>(&mut self, future: F) -> io::Result<F::Output> {
        let (mut future, mut disturbed) = (pin!(future), false);
        let outcome = poll_fn(|cx| {
            let polled = future.as_mut().poll(cx);
            if polled.is_ready() {
                return polled.map(Ok);
            }
            disturbed = true;
            self.poll_left(cx).map(Err)
        })
        .await;
        if disturbed {
            self.disturbed();
        }
        outcome
    }

    /// Resolves when the client has left. What it sends meanwhile is its next request: a little is taken, which makes
    /// room for its end to be seen.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        while !self.half_close && self.inbox.len() < ROOM {
            match pin!(self.stream.read_buf(&mut self.inbox)).poll(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(io::ErrorKind::ConnectionAborted.into()),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(error),
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    /// Says that nothing more will come.
    pub(super) async fn shut_down(&mut self) -> io::Result<()> {
        within(self.idle, self.stream.shutdown()).await
    }
}

/// What a future of the connection gives, if it does so in time. One that is ready costs no timer.
async fn within<T>(time: Duration, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut future = pin!(future);
    let now = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    match now {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => timeout(time, future).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
    }
}

/// Notes whether a future has to be waited for.
pub(super) async fn noting<F: Future>(future: F, waits: &mut bool) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        *waits |= polled.is_pending();
        polled
    })
    .await
}
