//! The lane of plain requests: HTTP/1.1 straight from the connection to the answer.
//!
//! Most requests are a small head, perhaps a small body, and get a small answer. Counted by callgrind, hyper alone takes
//! about 6,800 instructions to carry such a pair, and a GET of 256 bytes took 19,700 in all, layers and store included;
//! through the lane it takes 4,500. What is not plain ([`head`]) is left to hyper, with every byte that was read of it,
//! and the connection with it.
//!
//! It must not interpret what a request asks: that is [`Express`]'s.

mod answer;
mod date;
mod general;
mod head;
mod wait;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service;

pub use self::answer::Answer;
use self::answer::Outbox;
pub use self::head::PlainRequest;
use self::head::{FieldRoom, Parsed};
use self::wait::{Waiting, Woken};
use super::body::RequestBody;
use super::stream::Io;
use super::{BoxError, ServeOptions};
use crate::listen::Peer;

/// The most of a plain request, in bytes.
const ROOM: usize = 16 << 10;
/// Room for what a client sends at once, in bytes; a connection keeps it.
const INBOX: usize = 4 << 10;
/// Answers to requests that came together are sent together, up to so many bytes.
const FLUSH: usize = 32 << 10;

/// What became of a plain request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// The answer is written.
    Answered,
    /// Nothing was done; the service is asked. It answers soon, from memory, and its answer is not large.
    ByService,
    /// Nothing was done; the connection is hyper's from here on.
    ByHyper,
}

/// Answers plain requests straight into the bytes that are sent.
pub trait Express: Clone + Send + Sync + 'static {
    /// Whether there is a lane at all.
    const LANE: bool = true;

    /// Answers a request, or says who does. What it answers is neither traced nor measured by anybody else.
    fn answer(
        &self,
        request: &PlainRequest<'_>,
        answer: &mut Answer<'_>,
    ) -> impl Future<Output = Handled> + Send;
}

/// No lane: hyper has every connection from its first byte.
#[derive(Debug, Clone, Copy)]
pub struct NoLane;

impl Express for NoLane {
    const LANE: bool = false;

    async fn answer(&self, _: &PlainRequest<'_>, _: &mut Answer<'_>) -> Handled {
        Handled::ByHyper
    }
}

/// One connection in the lane.
pub(super) struct Lane<'c, E, S> {
    pub(super) express: E,
    pub(super) service: S,
    pub(super) options: &'c ServeOptions,
    pub(super) shutdown: &'c CancellationToken,
    pub(super) peer: &'c Peer,
}

impl<E, S, B> Lane<'_, E, S>
where
    E: Express,
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    /// Serves plain requests until something else comes, and returns it; `None` when the connection is over.
    ///
    /// # Errors
    /// When the client is gone.
    pub(super) async fn serve(&mut self, stream: &mut Io) -> io::Result<Option<Bytes>> {
        let (mut inbox, mut outbox) = (BytesMut::with_capacity(INBOX), Outbox::new());
        // A token of its own: asking it takes no lock that other connections take.
        let shutdown = self.shutdown.child_token();
        let mut waiting = pin!(Waiting::new(&shutdown, self.options.header_read));
        loop {
            let left_over =
                self.answer_all(&mut inbox, &mut outbox, &shutdown, waiting.as_mut(), stream).await?;
            if !outbox.is_empty() {
                flush(stream, &mut outbox, waiting.as_mut(), self.options.idle).await?;
            }
            match left_over {
                LeftOver::Other => return Ok(Some(inbox.split().freeze())),
                LeftOver::Closed => break,
                LeftOver::Nothing if shutdown.is_cancelled() => break,
                LeftOver::Nothing | LeftOver::Head | LeftOver::Body => {}
            }
            inbox.reserve(INBOX / 2);
            match waiting.as_mut().next(stream, &mut inbox).await? {
                Woken::Received => {}
                Woken::Stopped if !inbox.is_empty() => {}
                // A body that comes slowly is hyper's to wait for; a head has had its time.
                Woken::TooLong if left_over == LeftOver::Body => return Ok(Some(inbox.split().freeze())),
                Woken::Ended | Woken::Stopped | Woken::TooLong => break,
            }
        }
        within(self.options.idle, stream.shutdown()).await?;
        Ok(None)
    }

    /// Answers what has arrived whole.
    async fn answer_all(
        &mut self,
        inbox: &mut BytesMut,
        outbox: &mut Outbox,
        shutdown: &CancellationToken,
        mut waiting: Pin<&mut Waiting<'_>>,
        stream: &mut Io,
    ) -> io::Result<LeftOver> {
        while !inbox.is_empty() {
            let mut fields = FieldRoom::new();
            let request = match head::parse(inbox, &mut fields, ROOM, self.options.max_head) {
                Parsed::Plain(request) => request,
                Parsed::Head => return Ok(LeftOver::Head),
                Parsed::Body => return Ok(LeftOver::Body),
                Parsed::Other => return Ok(LeftOver::Other),
            };
            let (mut now, stopping) = (Instant::now(), shutdown.is_cancelled());
            let mut answer = outbox.answer(now, stopping);
            let mut disturbed = false;
            match noting(self.express.answer(&request, &mut answer), &mut disturbed).await {
                Handled::Answered => {}
                Handled::ByHyper => return Ok(LeftOver::Other),
                Handled::ByService => {
                    let Some(general) = general::request(&request, self.peer) else {
                        return Ok(LeftOver::Other);
                    };
                    let called = general::call(&mut self.service, general);
                    let response = match noting(called, &mut disturbed).await {
                        Ok(response) => response,
                        Err(error) => {
                            flush(stream, outbox, waiting, self.options.idle).await?;
                            return Err(error);
                        }
                    };
                    answer.response(&response, request.method == "HEAD");
                }
            }
            let length = request.length();
            inbox.advance(length);
            if disturbed {
                waiting.as_mut().disturbed();
                now = Instant::now();
            }
            waiting.as_mut().until(now + self.options.idle);
            if stopping {
                return Ok(LeftOver::Closed);
            }
            if outbox.bytes.len() > FLUSH || !outbox.tail.is_empty() {
                flush(stream, outbox, waiting.as_mut(), self.options.idle).await?;
            }
        }
        Ok(LeftOver::Nothing)
    }
}

/// What is left when all that arrived whole is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeftOver {
    Nothing,
    /// A part of a head.
    Head,
    /// A head, and a part of its body.
    Body,
    /// Something that is not for the lane.
    Other,
    /// The last answer was given.
    Closed,
}

/// Sends what waits, and keeps its room unless it is large. A client that takes nothing of it for as long as a
/// connection may be idle is given up.
async fn flush(
    stream: &mut Io,
    outbox: &mut Outbox,
    mut waiting: Pin<&mut Waiting<'_>>,
    idle: Duration,
) -> io::Result<()> {
    let mut disturbed = false;
    for part in [&outbox.bytes[..], &outbox.tail] {
        let mut rest = part;
        while !rest.is_empty() {
            let written = noting(within(idle, stream.write(rest)), &mut disturbed).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = rest.get(written..).unwrap_or_default();
        }
    }
    // TLS holds back what the socket did not take.
    noting(within(idle, stream.flush()), &mut disturbed).await?;
    outbox.clear(INBOX);
    if disturbed {
        waiting.as_mut().disturbed();
        waiting.until(Instant::now() + idle);
    }
    Ok(())
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
async fn noting<F: Future>(future: F, waits: &mut bool) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        *waits |= polled.is_pending();
        polled
    })
    .await
}

#[cfg(test)]
mod tests;
