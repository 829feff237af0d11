//! The body that runs out after it was dropped.
//!
//! A refused upload is often answered before all of it was sent. If the connection were closed then, the
//! kernel would reset it under the client's hands, and with the reset the answer is lost. So the rest is
//! read and thrown away for a while, within bounds, while the client already reads its answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::runtime::Handle;

/// How long, and how many bytes of, a refused upload is read; then the connection is closed after all.
const TIME: Duration = Duration::from_secs(5);
const BYTES: usize = 64 << 20;

/// A request body; when it is dropped before its end, the rest of it runs out in the background.
#[derive(Debug)]
pub struct LingeringBody<B: Body<Data = Bytes> + Send + Unpin + 'static> {
    /// None from the end on.
    inner: Option<B>,
    /// The client sends nothing before `100 Continue`, which the first poll would send.
    waits: bool,
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> LingeringBody<B> {
    /// The request with its body as one that lingers.
    pub fn of(request: Request<B>) -> Request<Self> {
        let waits = request.headers().contains_key(EXPECT);
        request.map(|body| Self::new(body, waits))
    }

    fn new(body: B, waits: bool) -> Self {
        Self { inner: Some(body).filter(|body| !body.is_end_stream()), waits }
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Body for LingeringBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.waits = false;
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(&mut *inner).poll_frame(cx));
        let goes_on = matches!(frame, Some(Ok(_))) && !inner.is_end_stream();
        if !goes_on {
            self.inner = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Drop for LingeringBody<B> {
    fn drop(&mut self) {
        let (Some(body), false, Ok(runtime)) = (self.inner.take(), self.waits, Handle::try_current()) else {
            return;
        };
        // Whether it ran out or not, nobody waits for it.
        runtime.spawn(async { tokio::time::timeout(TIME, run_out(body)).await });
    }
}

async fn run_out<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let mut left = BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        if length > left {
            return;
        }
        left -= length;
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::{SinkExt, channel::mpsc};
    use http_body_util::StreamBody;

    use super::*;

    type Part = Result<Frame<Bytes>, Infallible>;
    type Upload = LingeringBody<StreamBody<mpsc::Receiver<Part>>>;

    const PART: Bytes = Bytes::from_static(b"part");

    fn upload(expect: bool) -> (mpsc::Sender<Part>, Request<Upload>) {
        let (sender, receiver) = mpsc::channel(0);
        let mut request = Request::new(StreamBody::new(receiver));
        if expect {
            request.headers_mut().insert(EXPECT, http::HeaderValue::from_static("100-continue"));
        }
        (sender, LingeringBody::of(request))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_refused_upload_is_read() {
        let (mut sender, request) = upload(false);
        drop(request);
        for _ in 0..100 {
            sender.send(Ok(Frame::data(PART))).await.expect("the rest of the upload was cut");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_upload_is_cut_in_the_end() {
        let (mut sender, request) = upload(false);
        drop(request);
        tokio::time::sleep(TIME * 2).await;
        assert!(sender.send(Ok(Frame::data(PART))).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_waits_for_a_go_gets_none() {
        let (mut sender, request) = upload(true);
        drop(request);
        assert!(sender.send(Ok(Frame::data(PART))).await.is_err());
    }
}
