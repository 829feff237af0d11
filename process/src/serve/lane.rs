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
mod wire;

use std::convert::Infallible;
use std::future::{Future, Pending};
use std::io;
use std::pin::pin;

use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::Service;

pub use self::answer::Answer;
pub use self::head::PlainRequest;
use self::head::{FieldRoom, Parsed};
use self::wait::{Waiting, Woken};
use self::wire::{Wire, noting};
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
#[derive(Debug)]
pub enum Handled<L> {
    /// The answer is written.
    Answered,
    /// Nothing is written; this gives the answer. Where the client leaves before, it is dropped.
    Later(L),
    /// Nothing was done; the service is asked.
    ByService,
    /// Nothing was done; the connection is hyper's from here on.
    ByHyper,
}

/// Answers plain requests straight into the bytes that are sent.
pub trait Express: Clone + Send + Sync + 'static {
    /// Whether there is a lane at all.
    const LANE: bool = true;

    /// What gives an answer that is not there at once.
    type Later: Future<Output: Reply> + Send;

    /// Answers a request of `peer`, or says who does. What it answers is neither traced nor measured by anybody else.
    fn answer(
        &self,
        request: &PlainRequest<'_>,
        peer: &Peer,
        answer: &mut Answer<'_>,
    ) -> impl Future<Output = Handled<Self::Later>> + Send;
}

/// An answer that is to be written.
pub trait Reply: Send {
    /// Its body.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send;

    /// Its status.
    fn status(&self) -> StatusCode;

    /// Hands over each field, and is at its end.
    fn fields(&self, each: &mut dyn FnMut(&str, &[u8]));

    /// What is left of it.
    fn into_body(self) -> Self::Body;
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Send> Reply for Response<B> {
    type Body = B;

    fn status(&self) -> StatusCode {
        self.status()
    }

    fn fields(&self, each: &mut dyn FnMut(&str, &[u8])) {
        each_of(self.headers(), each);
    }

    fn into_body(self) -> B {
        self.into_body()
    }
}

/// Hands over each field of a map.
pub fn each_of(headers: &HeaderMap, each: &mut dyn FnMut(&str, &[u8])) {
    for (name, value) in headers {
        each(name.as_str(), value.as_bytes());
    }
}

/// Every answer is there at once.
pub type Never = Pending<Response<Full<Bytes>>>;

/// No lane: hyper has every connection from its first byte.
#[derive(Debug, Clone, Copy)]
pub struct NoLane;

impl Express for NoLane {
    const LANE: bool = false;
    type Later = Never;

    async fn answer(&self, _: &PlainRequest<'_>, _: &Peer, _: &mut Answer<'_>) -> Handled<Never> {
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
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send,
{
    /// Serves plain requests until something else comes, and returns it; `None` when the connection is over.
    ///
    /// # Errors
    /// When the client is gone.
    pub(super) async fn serve(&mut self, stream: &mut Io) -> io::Result<Option<Bytes>> {
        // A token of its own: asking it takes no lock that other connections take.
        let shutdown = self.shutdown.child_token();
        let waiting = pin!(Waiting::new(&shutdown, self.options.header_read));
        let mut wire = Wire::new(stream, waiting, &shutdown, self.options);
        loop {
            let left_over = self.answer_all(&mut wire).await?;
            if !wire.outbox.is_empty() {
                wire.flush().await?;
            }
            match left_over {
                LeftOver::Other => return Ok(Some(wire.inbox.split().freeze())),
                LeftOver::Closed => break,
                LeftOver::Nothing if wire.is_stopping() => break,
                LeftOver::Nothing | LeftOver::Head | LeftOver::Body => {}
            }
            match wire.receive().await? {
                Woken::Received => {}
                Woken::Stopped if !wire.inbox.is_empty() => {}
                // A body that comes slowly is hyper's to wait for; a head has had its time.
                Woken::TooLong if left_over == LeftOver::Body => {
                    return Ok(Some(wire.inbox.split().freeze()));
                }
                Woken::Ended | Woken::Stopped | Woken::TooLong => break,
            }
        }
        wire.shut_down().await?;
        Ok(None)
    }

    /// Answers what has arrived whole.
    async fn answer_all(&mut self, wire: &mut Wire<'_, '_>) -> io::Result<LeftOver> {
        while !wire.inbox.is_empty() {
            let mut fields = FieldRoom::new();
            let request = match head::parse(&wire.inbox, &mut fields, ROOM, self.options.max_head) {
                Parsed::Plain(request) => request,
                Parsed::Head => return Ok(LeftOver::Head),
                Parsed::Body => return Ok(LeftOver::Body),
                Parsed::Other => return Ok(LeftOver::Other),
            };
            let (mut now, mut stopping) = (Instant::now(), wire.is_stopping());
            let length = request.length();
            let mut answer = wire.outbox.answer(now, stopping);
            let mut disturbed = false;
            match noting(self.express.answer(&request, self.peer, &mut answer), &mut disturbed).await {
                Handled::Answered => wire.inbox.advance(length),
                Handled::Later(later) => {
                    let is_head = request.method == "HEAD";
                    wire.inbox.advance(length);
                    noting(general::finish(later, is_head, wire), &mut disturbed).await?;
                    stopping = wire.is_stopping();
                }
                Handled::ByHyper => return Ok(LeftOver::Other),
                Handled::ByService => {
                    let Some(general) = general::request(&request, self.peer) else {
                        return Ok(LeftOver::Other);
                    };
                    wire.inbox.advance(length);
                    // Boxed: a connection that waits for its next request keeps no room for the way of one.
                    let answered = Box::pin(general::answer(&mut self.service, general, wire));
                    noting(answered, &mut disturbed).await?;
                    stopping = wire.is_stopping();
                }
            }
            if disturbed {
                wire.disturbed();
                now = Instant::now();
            }
            wire.answered(now);
            if stopping {
                return Ok(LeftOver::Closed);
            }
            if wire.outbox.bytes.len() > FLUSH {
                wire.flush().await?;
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

#[cfg(test)]
mod tests;
