//! The layer against an upstream that a test answers by hand, in paused time.

mod coalesce;
mod ends;
mod express;
mod failure;
mod linearizable;
mod ranges;
mod requests;
mod sharing;
mod stale;
mod stored;
mod upkeep;
mod validation;
mod window;
mod wishes;
mod writes;

use std::{
    future::Future,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use tokio::sync::{mpsc, oneshot};
use tower::{BoxError, Layer, Service};

use super::{Cache, CacheBody, CacheLayer, CacheMetrics, CachePolicy, FillFailed};
use crate::Peer;

type Body = UnsyncBoxBody<Bytes, BoxError>;
type Answer = Result<Response<CacheBody>, BoxError>;
type Piece = Result<Frame<Bytes>, BoxError>;

/// A request that reached the upstream. Dropping it without an answer is a panic of the inner service.
#[derive(Debug)]
struct Call {
    request: Request<Empty<Bytes>>,
    reply: oneshot::Sender<Result<Response<Body>, BoxError>>,
}

/// The inner service: hands each call to the test.
#[derive(Debug, Clone)]
struct Upstream(mpsc::UnboundedSender<Call>);

/// The calls, as the test gets them.
#[derive(Debug)]
struct Calls(mpsc::UnboundedReceiver<Call>);

impl Service<Request<Empty<Bytes>>> for Upstream {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        let (reply, answer) = oneshot::channel();
        self.0.send(Call { request, reply }).unwrap();
        Box::pin(async move { answer.await.expect("the test dropped the call: the inner service panics") })
    }
}

impl Calls {
    /// The next call; an hour of paused time without one fails the test.
    async fn next(&mut self) -> Call {
        let call = tokio::time::timeout(Duration::from_hours(1), self.0.recv()).await;
        call.expect("nothing reached the upstream").unwrap()
    }

    /// How many calls are there once everything has come to rest.
    async fn take_all(&mut self) -> Vec<Call> {
        settle().await;
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }

    async fn assert_none(&mut self) {
        let calls = self.take_all().await;
        assert!(calls.is_empty(), "unexpected: {calls:?}");
    }
}

impl Call {
    fn answer(self, response: Response<Body>) {
        self.reply.send(Ok(response)).unwrap();
    }

    /// A 200 with these headers, all at once.
    fn ok(self, headers: &[(&'static str, &'static str)], body: &'static str) {
        self.answer(response(200, headers, whole(body)));
    }

    /// A 200 whose body the test sends piece by piece.
    fn stream(self, headers: &[(&'static str, &'static str)]) -> mpsc::Sender<Piece> {
        let (pieces, body) = channel();
        self.answer(response(200, headers, body));
        pieces
    }

    fn refuse(self, error: impl Into<BoxError>) {
        self.reply.send(Err(error.into())).unwrap();
    }
}

fn cache(policy: CachePolicy) -> (Cache<Upstream>, Calls, CacheMetrics) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let metrics = CacheMetrics::default();
    let peer_of = |extensions: &http::Extensions| extensions.get().copied().unwrap_or_default();
    let layer = CacheLayer::new(policy, peer_of, metrics.clone());
    (layer.layer(Upstream(sender)), Calls(receiver), metrics)
}

/// Coalesces only.
fn coalescing() -> CachePolicy {
    CachePolicy::default()
}

/// Keeps answers for a minute.
fn keeping() -> CachePolicy {
    CachePolicy {
        ttl: Duration::from_mins(1),
        negative_ttl: Duration::from_mins(1),
        ..CachePolicy::default()
    }
}

fn request(method: &str, path: &str, headers: &[(&'static str, &'static str)]) -> Request<Empty<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Empty::new()).unwrap()
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    request("GET", path, &[])
}

fn put(path: &str) -> Request<Empty<Bytes>> {
    request("PUT", path, &[])
}

fn response(status: u16, headers: &[(&'static str, &'static str)], body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().unwrap();
    *response.headers_mut() = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect::<HeaderMap>();
    response
}

fn whole(body: &'static str) -> Body {
    Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync()
}

fn channel() -> (mpsc::Sender<Piece>, Body) {
    let (sender, mut receiver) = mpsc::channel::<Piece>(1);
    let pieces = futures::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    (sender, StreamBody::new(pieces).boxed_unsync())
}

#[expect(clippy::unnecessary_wraps, reason = "what a body's channel takes")]
fn piece(data: impl Into<Bytes>) -> Piece {
    Ok(Frame::data(data.into()))
}

fn cache_status(response: &Response<CacheBody>) -> &str {
    response.headers()["cache-status"].to_str().unwrap()
}

async fn text(response: Response<CacheBody>) -> Result<String, BoxError> {
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

/// The answer's Cache-Status and body.
async fn read(answer: impl Future<Output = Answer>) -> (String, String) {
    let response = answer.await.unwrap();
    let status = cache_status(&response).to_owned();
    (status, text(response).await.unwrap())
}

fn fill_failed(error: &BoxError) -> &FillFailed {
    error.downcast_ref().unwrap()
}

/// Lets every task run until all of them wait: paused time goes on only then.
async fn settle() {
    tokio::time::sleep(Duration::from_micros(1)).await;
}
