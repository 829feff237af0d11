//! The lane of plain requests: GETs that ask for nothing special, answered from the cache straight into the bytes that are
//! sent, or loaded directly from the server. Every other request is the layers'.
//!
//! It must answer as the layers do, to the byte but for the order of fields; a test sends both the same requests. It
//! refuses nothing: what the layers would refuse is theirs to refuse.

mod later;
mod lend;
mod outgoing;
mod plain;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body::Body;
use kivi_api::key;
use kivi_layers::{
    Peer,
    auth::{AuthLayer, Caller, Verifier},
    cache::{Cache, Expressed, PlainGet},
    metrics::{Recorder, Recording},
    shed::ShedLayer,
    throttle::ThrottleLayer,
    timeout::TimeoutLayer,
};
use kivi_process::{
    listen,
    serve::{Answer, Express, Handled, PlainRequest},
};
use tower::{BoxError, Service};

pub(crate) use self::later::Later;
use self::{later::InFlight, lend::lend, outgoing::outgoing, plain::is_plain_get};
use crate::upstream::{Direct, Outgoing};

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
    /// Whether the server is a store, whose answers are current and do not say so.
    pub(crate) serves_store: bool,
    /// Before each path.
    pub(crate) prefix: String,
    pub(crate) recorder: Arc<Recorder>,
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
        let caller = shared.auth.identify(&Method::GET, head.uri(), head.headers()).ok()?;
        let ours = matches!(caller, Caller::Token(_));
        if ours {
            head.headers_mut().remove(header::AUTHORIZATION);
        }
        // It has taken its token then: the layers, which would take another, are past.
        if !shared.throttle.admits_now(&caller, Peer { address: peer.address, tls: peer.tls }) {
            return None;
        }
        let client = peer.address.map(|address| address.ip().to_canonical());
        let limit = shared.timeout.limit();
        let deadline = limit.deadline(answer.started());
        let request_head = head.map(|()| Outgoing::empty());
        let get = PlainGet { request: request_head, caller, client, deadline, limit };
        let sender = peer.clone();
        let prepare = move |request: &mut Request<_>| {
            request.extensions_mut().insert(sender);
        };
        let load = || {
            let bytes = outgoing(request, &shared.prefix, ours, peer.address, peer.tls);
            shared.direct.clone().get(bytes, is_key(request.target))
        };
        match shared.cache.express(get, prepare, load) {
            Expressed::Hit(hit) => {
                lend(&hit, shared.serves_store, answer);
                Recording::begin(&*shared.recorder, answer.started()).begins(hit.status());
                Some(Handled::Answered)
            }
            Expressed::Later(later) => {
                let recording = Recording::begin(Arc::clone(&shared.recorder), answer.started());
                let in_flight = InFlight::new(recording, permit);
                Some(Handled::Later(Later::new(later, in_flight, shared.serves_store)))
            }
        }
    }
}

/// Whether a store, if the server is one, answers for this target from memory, as it does for a key.
fn is_key(target: &str) -> bool {
    target.strip_prefix(key::PREFIX).is_some_and(|key| !key.is_empty() && !key.contains('?'))
}
