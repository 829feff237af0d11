//! The lane of plain requests: GETs that ask for nothing special, answered from the cache straight into the bytes that are
//! sent, or loaded directly from the server. Every other request is the layers'.
//!
//! It must answer as the layers do, to the byte but for the order of fields; a test sends both the same requests. It
//! refuses nothing: what the layers would refuse is theirs to refuse.

mod outgoing;
mod plain;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body::Body;
use http_body_util::Either;
use kivi_layers::{
    Peer,
    auth::{AuthLayer, Caller, Verifier},
    body::{Guard, GuardedBody},
    cache::{Cache, CacheBody, CacheFuture, CacheTrail, Expressed, Hit, PlainGet},
    metrics::{Recorder, Recording},
    shed::{Permit, ShedLayer},
    throttle::ThrottleLayer,
    timeout::{TimeoutFuture, TimeoutLayer},
};
use kivi_process::{
    listen,
    serve::{Answer, Express, Handled, PlainRequest},
};
use pin_project_lite::pin_project;
use tower::{BoxError, Service};

use self::{outgoing::outgoing, plain::is_plain_get};
use crate::{
    respond::{Reply, refusal},
    upstream::{Direct, Outgoing},
};

/// Room for the head of an answer, in bytes.
const HEAD: usize = 1 << 10;

/// The lane of one sidecar.
pub(crate) struct Lane<V, S, B>(Arc<Shared<V, S, B>>);

/// What it shares with the layers, which do the same to other requests.
pub(crate) struct Shared<V, S, B> {
    /// Whether it may answer by itself: nobody takes spans.
    pub(crate) answers: bool,
    pub(crate) timeout: TimeoutLayer,
    pub(crate) shed: ShedLayer,
    pub(crate) auth: AuthLayer<V>,
    pub(crate) throttle: ThrottleLayer,
    pub(crate) cache: Cache<S>,
    pub(crate) direct: Direct<B>,
    /// Before each path.
    pub(crate) prefix: String,
    pub(crate) recorder: Arc<Recorder>,
}

/// A request under way, to the end of its answer's body.
#[derive(Debug)]
pub(crate) struct InFlight {
    recording: Recording<Arc<Recorder>>,
    _permit: Permit,
}

/// The body of an answer that was not there at once.
type LaneBody = GuardedBody<Reply<CacheBody>, InFlight>;

pin_project! {
    /// An answer that is waited for.
    pub(crate) struct Later {
        #[pin]
        answer: TimeoutFuture<CacheFuture>,
        trail: CacheTrail,
        in_flight: Option<InFlight>,
    }
}

impl<V, S, B> Lane<V, S, B> {
    pub(crate) fn new(shared: Shared<V, S, B>) -> Self {
        Self(Arc::new(shared))
    }
}

impl<V, S, B> Clone for Lane<V, S, B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V, S, B, R> Express for Lane<V, S, B>
where
    V: Verifier + Send + Sync + 'static,
    S: Service<Request<Outgoing<B>>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    R: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Later = Later;
    type Body = LaneBody;

    async fn answer(
        &self,
        request: &PlainRequest<'_>,
        peer: &listen::Peer,
        answer: &mut Answer<'_>,
    ) -> Handled<Later> {
        self.get(request, peer, answer).unwrap_or(Handled::ByService)
    }
}

impl<V, S, B, R> Lane<V, S, B>
where
    V: Verifier + Send + Sync + 'static,
    S: Service<Request<Outgoing<B>>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    R: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    /// `None`: it is the layers'.
    fn get(
        &self,
        request: &PlainRequest<'_>,
        peer: &listen::Peer,
        answer: &mut Answer<'_>,
    ) -> Option<Handled<Later>> {
        let shared = &*self.0;
        if !shared.answers || !is_plain_get(request) {
            return None;
        }
        let mut head = request.head()?;
        let permit = shared.shed.permit()?;
        let caller = shared.auth.identify(&Method::GET, head.headers()).ok()?;
        let ours = matches!(caller, Caller::Token(_));
        if ours {
            head.headers_mut().remove(header::AUTHORIZATION);
        }
        if !shared.throttle.admits_now(&caller, Peer { address: peer.address, tls: peer.tls }) {
            return None;
        }
        let client = peer.address.map(|address| address.ip().to_canonical());
        let get = PlainGet { request: head.map(|()| Outgoing::empty()), caller, client };
        let deadline = shared.timeout.deadline(answer.started());
        let trail = CacheTrail::default();
        let prepare = |request: &mut Request<_>| {
            let extensions = request.extensions_mut();
            extensions.insert(peer.clone());
            extensions.insert(deadline);
            extensions.insert(trail.clone());
        };
        let load = || {
            let bytes = outgoing(request, &shared.prefix, ours, peer.address, peer.tls);
            shared.direct.clone().get(bytes)
        };
        match shared.cache.express(get, prepare, load) {
            Expressed::ByLayer => None,
            Expressed::Hit(hit) => {
                lend(&hit, answer);
                Recording::begin(&*shared.recorder, answer.started()).begins(hit.status());
                Some(Handled::Answered)
            }
            Expressed::Later(later) => {
                let recording = Recording::begin(Arc::clone(&shared.recorder), answer.started());
                Some(Handled::Later(Later {
                    answer: shared.timeout.give_up(deadline, later),
                    trail,
                    in_flight: Some(InFlight { recording, _permit: permit }),
                }))
            }
        }
    }
}

impl Future for Later {
    type Output = Response<LaneBody>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = match ready!(this.answer.poll(cx)) {
            Ok(response) => response.map(Either::Left),
            Err(error) => refusal(error.as_ref(), this.trail).map(Either::Right),
        };
        let mut in_flight = this.in_flight.take();
        if let Some(InFlight { recording, .. }) = &mut in_flight {
            recording.begins(response.status());
        }
        Poll::Ready(response.map(|body| GuardedBody::new(body, in_flight)))
    }
}

/// Writes a stored answer.
fn lend(hit: &Hit, answer: &mut Answer<'_>) {
    let (headers, body) = (hit.headers(), hit.body());
    answer.reserve(HEAD + body.len());
    answer.status(hit.status());
    let (mut dated, mut measured) = (false, false);
    for (name, value) in headers.iter().filter(|(name, _)| *name != header::AGE) {
        dated |= name == header::DATE;
        measured |= name == header::CONTENT_LENGTH;
        answer.field(name.as_str(), value.as_bytes());
    }
    if !measured {
        answer.add(b"content-length: ");
        answer.add_number(body.len() as u64);
        answer.add(b"\r\n");
    }
    answer.add(b"age: ");
    answer.add_number(hit.age());
    answer.add(b"\r\ncache-status: kivi; hit; ttl=");
    answer.add_number(hit.ttl());
    answer.add(b"\r\n");
    if dated { answer.end_dated_head() } else { answer.end_head() }
    answer.add(body);
}

impl Guard for InFlight {
    fn failed(&mut self) {
        Guard::failed(&mut self.recording);
    }
}
