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
mod express;
mod general;
mod head;
mod reply;
mod wait;
mod wire;

use std::convert::Infallible;
use std::io;
use std::pin::pin;

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

pub use self::answer::Answer;
pub use self::express::{Express, Handled, Never, NoLane};
pub use self::head::PlainRequest;
use self::head::{FieldRoom, Parsed};
pub use self::reply::{Reply, each_of};
use self::wait::{Waiting, Woken};
use self::wire::{FLUSH, ROOM, Wire, noting};
use super::body::RequestBody;
use super::options::ServeOptions;
use super::stream::Io;
use crate::listen::Peer;

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
