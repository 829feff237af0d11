//! A GET that may share a load: joins one or begins one, waits for its headers, and looks again when the
//! answer turns out not to be for it. A HEAD that validates what is stored goes the same way.
//!
//! The load is of the whole, for all; what of it this request gets (all, the head, or that its copy is current)
//! is decided here, when the headers are there.

use std::{future::poll_fn, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use tokio::time::Instant;
use tower::{BoxError, Service};
use tracing::{Instrument, Span};

use super::{
    CacheBody, conditional,
    directives::Directives,
    fill::Fill,
    flight::{Landed, Seat},
    forward::forward,
    found::{Found, Kept},
    head::Head,
    key::CacheKey,
    rescue::Rescue,
    status::{CacheStatus, Forwarded},
    table::Table,
    trail::CacheTrail,
    validation::{Validation, without_content},
    vary::VaryNames,
};
use crate::runtime::spawn;

/// How often a request waits for an answer that then is not for it. After that it goes on its own: the
/// `Vary` of its key changes from answer to answer.
const MOST_TRIES: usize = 3;

/// The request, and what it needs to begin a load.
#[derive(Debug)]
pub(super) struct Share<S, B> {
    pub(super) inner: S,
    pub(super) table: Arc<Table>,
    pub(super) key: CacheKey,
    pub(super) request: Request<B>,
}

/// What a look at the table leads to.
#[derive(Debug)]
pub(super) enum Step {
    /// The answer is there.
    There(Result<Response<CacheBody>, BoxError>),
    /// The answer comes on a flight, and why it does not come from the store.
    Wait(Seat, Forwarded),
    /// The request goes on its own.
    Alone(CacheStatus),
}

impl<S, B, R> Share<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body + Default + Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    /// Looks at the table, and begins a load where there is none.
    pub(super) fn look(&self, expected: Option<&VaryNames>) -> Step {
        self.take(self.table.find(&self.key, self.request.headers(), expected))
    }

    /// Begins a load for a request that wants the origin's answer (RFC 9111, 5.2.1.4).
    pub(super) fn reload(&self) -> Step {
        self.take(self.table.reload(&self.key, self.request.headers()))
    }

    /// Takes what was found, and begins a load where there is none.
    pub(super) fn take(&self, found: Found) -> Step {
        let metrics = &self.table.metrics;
        match found {
            Found::Kept(kept) => Step::There(Ok(self.serve(kept))),
            Found::Failed(why) => {
                metrics.hit.inc();
                self.note(CacheStatus::KeptFailure);
                Step::There(Err(why.into()))
            }
            Found::Unshared => {
                metrics.hit_for_miss.inc();
                Step::Alone(CacheStatus::Bypass("hit-for-miss"))
            }
            Found::Outdated => Step::Alone(CacheStatus::Bypass("policy")),
            Found::Crowded => Step::Alone(CacheStatus::Bypass("crowded")),
            Found::Joined(seat, why) => {
                metrics.coalesced.inc();
                self.waits(true, why);
                Step::Wait(seat, why)
            }
            Found::Leads { seat, fill, why } => {
                metrics.miss.inc();
                self.waits(false, why);
                self.begin(fill, Span::current());
                Step::Wait(seat, why)
            }
        }
    }

    /// Notes that the request waits for a load.
    pub(super) fn waits(&self, collapsed: bool, why: Forwarded) {
        self.note(CacheStatus::Loaded { why, upstream: None, collapsed, stored: None });
    }

    /// The answer from the store, where there is one to be served at once.
    pub(super) fn look_in_store(&self) -> Option<Response<CacheBody>> {
        self.table.kept(&self.key, self.request.headers()).map(|kept| self.serve(kept))
    }

    /// The answer to a request that wants a stored one or none, where there is none (RFC 9111, 5.2.1.7).
    pub(super) fn not_stored(&self) -> Response<CacheBody> {
        const WHY: Bytes = Bytes::from_static(
            b"Nothing that may be served is stored here, and the request says only-if-cached.\n",
        );
        self.note(CacheStatus::NotStored);
        let mut response =
            Response::new(if self.is_head() { CacheBody::empty() } else { CacheBody::whole(WHY, None) });
        *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(WHY.len()));
        CacheStatus::NotStored.add_to(headers);
        response
    }

    /// What stands in for this request's failure.
    pub(super) fn rescue(&self) -> Option<Rescue> {
        Rescue::of(&self.table, &self.key, &self.request)
    }

    /// Answers from the store.
    fn serve(&self, kept: Kept) -> Response<CacheBody> {
        let (metrics, now) = (&self.table.metrics, Instant::now());
        let (stored, status) = match kept {
            Kept::Fresh(stored) => {
                metrics.hit.inc();
                let ttl = stored.ttl(now);
                (stored, CacheStatus::Hit { ttl })
            }
            Kept::Stale { stored, refresh } => {
                metrics.stale.inc();
                if let Some(fill) = refresh {
                    metrics.miss.inc();
                    // No part of this request's span, which would last until the refresh ends.
                    let span = tracing::info_span!(parent: None, "cache refresh");
                    span.follows_from(Span::current());
                    self.begin(fill, span);
                }
                let ttl = stored.ttl(now);
                (stored, CacheStatus::Hit { ttl })
            }
            Kept::Resting(stored) => {
                metrics.stale.inc();
                let ttl = stored.ttl(now);
                (stored, CacheStatus::Resting { ttl })
            }
        };
        stored.answer(self.request.headers(), self.is_head(), now, status)
    }

    fn is_head(&self) -> bool {
        self.request.method() == Method::HEAD
    }

    fn begin(&self, fill: Fill, span: Span) {
        let flight = Arc::clone(fill.flight());
        let load = fill.run(self.inner.clone(), self.load());
        let task = spawn(load.instrument(span));
        flight.set_task(task.abort_handle());
    }

    fn note(&self, status: CacheStatus) {
        CacheTrail::note(self.request.extensions(), status);
    }

    /// The answer to a HEAD or to a request for a part, where none that is stored may be served. Where a stale
    /// one can be validated, a HEAD does that for all, so that what is stored learns from it (RFC 9111, 4.3.5).
    /// Else the request goes on alone: a load of the whole is more than it asks for.
    pub(super) async fn past_the_store(
        self,
        otherwise: CacheStatus,
    ) -> Result<Response<CacheBody>, BoxError> {
        if self.is_head() && self.can_validate() {
            let step = self.look(None);
            return self.follow(step).await;
        }
        self.ask_origin(otherwise).await
    }

    fn can_validate(&self) -> bool {
        let variant = self.table.variant(&self.key, self.request.headers());
        variant.is_some_and(|variant| Validation::of(&variant.stored).is_some())
    }

    /// Passes the request on past what is stored for it, and removes that where the answer shows that it is
    /// outdated (RFC 9111, 4.3.5).
    pub(super) async fn ask_origin(self, status: CacheStatus) -> Result<Response<CacheBody>, BoxError> {
        let variant = self.table.variant(&self.key, self.request.headers());
        let response = forward(self.inner, self.request, status).await?;
        if let Some(variant) = variant
            && variant.stored.is_outdated_by(response.status(), response.headers())
        {
            self.table.remove(&variant);
        }
        Ok(response)
    }

    /// Follows a step to the answer.
    pub(super) async fn follow(self, mut step: Step) -> Result<Response<CacheBody>, BoxError> {
        let mut alone = CacheStatus::Bypass("vary");
        for _ in 0..MOST_TRIES {
            let (mut seat, why) = match step {
                Step::There(outcome) => return outcome,
                Step::Alone(status) => {
                    alone = status;
                    break;
                }
                Step::Wait(seat, why) => (seat, why),
            };
            let landed = {
                let _waiting = self.table.metrics.waiting();
                poll_fn(|cx| seat.poll_landed(cx)).await
            };
            step = self.land(landed, seat, why);
        }
        match step {
            Step::There(outcome) => return outcome,
            Step::Alone(status) => alone = status,
            Step::Wait(..) => {}
        }
        // Apart, so that the many who wait have no room for what few of them come to.
        Box::pin(forward(self.inner, self.request, alone)).await
    }

    /// What a flight that was waited for leads to.
    pub(super) fn land(&self, landed: Landed, seat: Seat, why: Forwarded) -> Step {
        match landed {
            Landed::Failed(failure) => Step::There(Err(failure.into())),
            Landed::Unshared(reason, Some(response)) => {
                let mut response = self.own(response);
                CacheStatus::Unshared(why, reason).add_to(response.headers_mut());
                Step::There(Ok(response))
            }
            // Where the leader's answer is a failure, a stored one is for all.
            Landed::Unshared(reason, None) => match self.look_in_store() {
                Some(answer) => Step::There(Ok(answer)),
                None => Step::Alone(CacheStatus::Unshared(why, reason)),
            },
            Landed::Shared(head, whole) if head.nominated.matches(self.request.headers()) => {
                Step::There(Ok(self.answer(&head, whole, seat, why)))
            }
            Landed::Shared(head, _) => {
                drop(seat);
                self.look(Some(head.nominated.names()))
            }
        }
    }

    /// The request of the load: a GET for all, so this one without its (empty) content, which belongs to
    /// its client, without the conditions by which that client validates its own copy, without the range
    /// that it wants of it, and without its wishes of a cache where they would have a cache before the
    /// origin answer less well than the others want it, or not at all.
    fn load(&self) -> Request<B> {
        let mut load = without_content(&self.request);
        *load.method_mut() = Method::GET;
        for name in conditional::FIELDS.into_iter().chain([header::RANGE, header::IF_RANGE]) {
            load.headers_mut().remove(name);
        }
        let wishes = Directives::of(load.headers());
        if wishes.only_if_cached || wishes.max_stale.is_some() {
            load.headers_mut().remove(header::CACHE_CONTROL);
        }
        load
    }

    /// What this request gets of a load's answer that others have too; `whole`: its body, where that is there.
    fn answer(&self, head: &Head, whole: Option<Bytes>, seat: Seat, why: Forwarded) -> Response<CacheBody> {
        let stored = head.stored_for(&self.table.policy());
        let unchanged = self.is_unchanged(head.status, &head.headers);
        let upstream =
            if head.validated { Some(StatusCode::NOT_MODIFIED) } else { unchanged.then_some(head.status) };
        let status = CacheStatus::Loaded { why, upstream, collapsed: !seat.is_leader(), stored };
        let mut headers =
            if unchanged { conditional::not_modified(&head.headers) } else { head.headers.clone() };
        status.add_to(&mut headers);
        let is_empty = unchanged || self.is_head() || head.status == StatusCode::NOT_MODIFIED;
        let body = if is_empty {
            if stored.is_some() {
                seat.leave_to_store();
            }
            CacheBody::empty()
        } else {
            CacheBody::landed(seat, whole, head.length)
        };
        let mut response = Response::new(body);
        *response.status_mut() = if unchanged { StatusCode::NOT_MODIFIED } else { head.status };
        *response.headers_mut() = headers;
        response
    }

    /// What this request gets of its load's answer, which is for it alone.
    fn own(&self, mut response: Response<CacheBody>) -> Response<CacheBody> {
        if self.is_unchanged(response.status(), response.headers()) {
            let whole = std::mem::take(response.headers_mut());
            *response.headers_mut() = conditional::not_modified(&whole);
            for cookie in whole.get_all(header::SET_COOKIE) {
                response.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response.map(|_| CacheBody::empty());
        }
        if self.is_head() { response.map(|_| CacheBody::empty()) } else { response }
    }

    /// Whether the client has an answer with this status and these headers: a load is made without the
    /// conditions of those who wait for it (RFC 9111, 4.3.2).
    fn is_unchanged(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        status == StatusCode::OK && conditional::is_unchanged(self.request.headers(), headers)
    }
}
