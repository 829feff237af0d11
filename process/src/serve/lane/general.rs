//! A plain request as a service takes it, and the answer that it gives: whole at once, or as it comes.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::{BoxError, Service};

use super::answer::{COPIED, Declared, Framing, is_bodiless};
use super::head::PlainRequest;
use super::reply::Reply;
use super::wire::{FLUSH, Wire};
use crate::listen::Peer;
use crate::serve::body::RequestBody;

/// The request; `None` when hyper has to say what is wrong with it.
pub(super) fn request(plain: &PlainRequest<'_>, peer: &Peer) -> Option<Request<RequestBody>> {
    let body = Full::new(Bytes::copy_from_slice(plain.body));
    let mut request = plain.head()?.map(|()| RequestBody::Whole(body));
    request.extensions_mut().insert(peer.clone());
    Some(request)
}

impl PlainRequest<'_> {
    /// Its head; `None` where that is not one which services take.
    pub fn head(&self) -> Option<Request<()>> {
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).ok()?;
        // Other forms than a path say things of their own, and of a fragment, which no request has, nothing would be left.
        let is_path = self.target.starts_with('/') && !self.target.contains('#');
        *request.uri_mut() = is_path.then(|| self.target.parse::<Uri>().ok())??;
        let headers = request.headers_mut();
        headers.reserve(self.fields().len());
        for (name, value) in self.fields() {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(request)
    }
}

/// Has the service answer, and writes what it says.
///
/// # Errors
/// As of [`finish`].
pub(super) async fn answer<S, B>(
    service: &mut S,
    request: Request<RequestBody>,
    wire: &mut Wire<'_, '_>,
) -> io::Result<()>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send,
{
    let is_head = request.method() == Method::HEAD;
    let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
    let called = async { service.call(request).await.unwrap_or_else(|never| match never {}) };
    finish(called, is_head, wire).await
}

/// Waits for an answer, and writes it.
///
/// # Errors
/// When the client is gone, or the answer's body breaks off, which the client has to see.
pub(super) async fn finish<F>(answer: F, is_head: bool, wire: &mut Wire<'_, '_>) -> io::Result<()>
where
    F: Future<Output: Reply>,
{
    let answered = awaited(answer, wire).await;
    let reply = sent_before(wire, answered).await?;
    let bodiless = is_head || is_bodiless(reply.status());
    let mut answer = wire.answer();
    let declared = answer.begin(reply.status(), |each| reply.fields(each));
    let body = reply.into_body();
    let framing = match (declared, body.size_hint().exact()) {
        _ if bodiless => Framing::None,
        (Declared::Length(length), _) => Framing::Declared(length),
        (Declared::Nothing, Some(length)) => Framing::Length(length),
        (Declared::Nothing, None) => Framing::Chunked,
        (Declared::Nonsense, _) => return Err(io::Error::other("an answer's Content-Length is no number")),
    };
    answer.end(framing);
    if bodiless {
        return Ok(());
    }
    let written = stream(pin!(body), framing, wire).await;
    sent_before(wire, written).await
}

/// Waits for an answer. Meanwhile the answers to earlier requests go out: their time is not this one's, nor is the time
/// that the client takes to read them. Others may wait for what this answer waits for.
async fn awaited<F: Future>(answer: F, wire: &mut Wire<'_, '_>) -> io::Result<F::Output> {
    let (mut answer, mut reply) = (pin!(answer), None);
    if let Poll::Ready(reply) = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await {
        return Ok(reply);
    }
    if !wire.outbox.is_empty() {
        let mut flushed = pin!(wire.flush());
        poll_fn(|cx| {
            if reply.is_none()
                && let Poll::Ready(ready) = answer.as_mut().poll(cx)
            {
                reply = Some(ready);
            }
            flushed.as_mut().poll(cx)
        })
        .await?;
    }
    match reply {
        Some(reply) => Ok(reply),
        None => wire.unless_left(answer).await,
    }
}

/// The outcome; where it is an error, what waits goes out before, for it is the answers to earlier requests, and the
/// part of this one that came.
async fn sent_before<T>(wire: &mut Wire<'_, '_>, outcome: io::Result<T>) -> io::Result<T> {
    if outcome.is_err() {
        wire.flush().await?;
    }
    outcome
}

/// Writes the body as it comes. What is there at once is sent together.
async fn stream<B>(mut body: Pin<&mut B>, framing: Framing, wire: &mut Wire<'_, '_>) -> io::Result<()>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut left = match framing {
        Framing::Length(length) | Framing::Declared(length) => Some(length),
        Framing::Chunked | Framing::None => None,
    };
    while !body.is_end_stream() {
        let Some(frame) = next(body.as_mut(), wire).await? else { break };
        // Trailers are for clients that ask for them, whose requests are not plain (RFC 9110 section 6.5.1).
        let Ok(data) = frame.into_data() else { continue };
        if data.is_empty() {
            continue;
        }
        if let Some(left) = &mut left {
            let length = data.len() as u64;
            *left = left.checked_sub(length).ok_or_else(|| io::Error::other("an answer is too long"))?;
        }
        if left.is_none() {
            wire.outbox.chunk_size(data.len());
        }
        if data.len() > COPIED {
            wire.send_behind(&data).await?;
        } else {
            wire.outbox.bytes.extend_from_slice(&data);
        }
        if left.is_none() {
            wire.outbox.bytes.extend_from_slice(b"\r\n");
        }
        if wire.outbox.bytes.len() > FLUSH {
            wire.flush().await?;
        }
    }
    match left {
        None => wire.outbox.bytes.extend_from_slice(b"0\r\n\r\n"),
        Some(0) => {}
        Some(_) => return Err(io::Error::other("an answer is too short")),
    }
    Ok(())
}

/// The next part of the body. Before it is waited for, what is there goes out.
async fn next<B>(mut body: Pin<&mut B>, wire: &mut Wire<'_, '_>) -> io::Result<Option<Frame<Bytes>>>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut poll = |cx: &mut Context<'_>| {
        body.as_mut().poll_frame(cx).map(|frame| frame.transpose().map_err(io::Error::other))
    };
    match poll_fn(|cx| Poll::Ready(poll(cx))).await {
        Poll::Ready(frame) => frame,
        Poll::Pending => {
            wire.flush().await?;
            wire.unless_left(poll_fn(poll)).await?
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;
    use tokio_util::either::Either;
    use tokio_util::sync::CancellationToken;

    use super::super::wait::Waiting;
    use super::*;
    use crate::serve::ServeOptions;
    use crate::serve::stream::Io;

    #[tokio::test]
    async fn an_answer_gets_on_while_the_client_does_not_read_the_ones_before_it() {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.writable().await.unwrap();
        let mut filled = 0;
        while let Ok(count) = near.try_write(&[b'x'; 4096]) {
            filled += count;
        }
        let mut io: Io = Either::Left(Either::Right(near));
        let (shutdown, options) = (CancellationToken::new(), ServeOptions::default());
        let waiting = pin!(Waiting::new(&shutdown, options.header_read));
        let mut wire = Wire::new(&mut io, waiting, &shutdown, &options);
        wire.outbox.bytes.extend_from_slice(b"before");
        let (begun, goes_on) = tokio::sync::oneshot::channel();
        let answer = async {
            tokio::task::yield_now().await;
            begun.send(()).unwrap();
        };
        let client = async {
            goes_on.await.unwrap();
            let mut read = vec![0; filled + b"before".len()];
            far.read_exact(&mut read).await.unwrap();
            assert!(read.ends_with(b"xbefore"));
        };
        let (outcome, ()) = tokio::join!(awaited(answer, &mut wire), client);
        outcome.unwrap();
    }
}
