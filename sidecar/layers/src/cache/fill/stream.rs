//! A body that comes in: from the upstream into the flight, with readers woken now and then.

use std::{
    pin::{Pin, pin},
    sync::Arc,
};

use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::BoxError;

use super::Fill;
use crate::{
    cache::{FillFailed, head::Head, verdict::Sharing},
    runtime::{timeout, timeout_at},
};

/// Bytes that may have come before readers are woken, while more is there without waiting.
const WAKE_AFTER: usize = 64 << 10;

/// A body that goes on, or why it does not.
enum Read {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
}

impl Fill {
    /// Feeds the flight with an answer that is shared, to the end of its body.
    pub(super) async fn stream<R>(
        &mut self,
        response: Response<R>,
        sharing: Sharing,
        mut deadline: Instant,
    ) -> Result<Arc<Head>, FillFailed>
    where
        R: Body<Data = Bytes>,
        R::Error: Into<BoxError>,
    {
        let (parts, body) = response.into_parts();
        let head = self.begin(parts, sharing);
        let mut body = pin!(body);
        let mut trailers = None;
        let mut quiet = 0;
        let mut windowed = false;
        while !body.is_end_stream() {
            match self.read(&mut body, deadline).await? {
                Read::End => break,
                Read::Trailers(found) => {
                    trailers = Some(found);
                    break;
                }
                Read::Data(chunk) => {
                    quiet += chunk.len();
                    windowed |= self.take(chunk)?;
                }
            }
            if head.length.is_some_and(|declared| self.flight.received() > declared) {
                break;
            }
            if quiet >= WAKE_AFTER {
                quiet = 0;
                self.flight.wake();
            }
            if windowed {
                self.wait_for_room().await?;
                deadline = Instant::now() + self.table.policy().load_timeout;
            }
        }
        self.seal(head, trailers)
    }

    /// The next piece of the body. Readers are woken when it is not there at once, so that what came in
    /// one go wakes them once.
    async fn read<R>(&self, body: &mut Pin<&mut R>, deadline: Instant) -> Result<Read, FillFailed>
    where
        R: Body<Data = Bytes>,
        R::Error: Into<BoxError>,
    {
        let frame = if let Some(frame) = next(body).now_or_never() {
            frame?
        } else {
            self.flight.wake();
            let limit = self.table.policy().load_timeout;
            let frame = timeout_at(deadline, next(body)).await;
            frame.map_err(|_| FillFailed::TimedOut { limit })??
        };
        match frame {
            None => Ok(Read::End),
            Some(frame) => Ok(match frame.into_data().map_err(Frame::into_trailers) {
                Ok(data) => Read::Data(data),
                Err(Ok(trailers)) => Read::Trailers(trailers),
                // A kind of frame that HTTP does not have (yet).
                Err(Err(_)) => Read::Data(Bytes::new()),
            }),
        }
    }

    /// Waits until the window has room, and cuts off readers that take none of it for too long.
    async fn wait_for_room(&self) -> Result<(), FillFailed> {
        while self.flight.is_full() {
            self.flight.wake();
            let limit = self.table.policy().slow_reader;
            let late = timeout(limit, self.flight.room()).await.is_err();
            if late && !self.flight.cut_slowest() {
                return Err(FillFailed::TooSlow);
            }
        }
        Ok(())
    }
}

async fn next<R>(body: &mut Pin<&mut R>) -> Result<Option<Frame<Bytes>>, FillFailed>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    body.frame().await.transpose().map_err(FillFailed::cut)
}
