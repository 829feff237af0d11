//! A GET that may share a load: joins one or begins one, waits for its headers, and looks again when the
//! answer turns out not to be for it.

use std::{future::poll_fn, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use tokio::time::Instant;
use tower::{BoxError, Service};
use tracing::{Instrument, Span};

use super::{
    CacheBody,
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
    validation::without_content,
    vary::VaryNames,
};

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
        let metrics = &self.table.metrics;
        let headers = self.request.headers();
        match self.table.find(&self.key, headers, expected) {
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
                self.note(CacheStatus::Loaded { why, validated: false, collapsed: true, stored: None });
                Step::Wait(seat, why)
            }
            Found::Leads { seat, fill, why } => {
                self.note(CacheStatus::Loaded { why, validated: false, collapsed: false, stored: None });
                self.begin(fill, Span::current());
                Step::Wait(seat, why)
            }
        }
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
        let is_head = self.request.method() == Method::HEAD;
        self.note(CacheStatus::NotStored);
        let mut response =
            Response::new(if is_head { CacheBody::empty() } else { CacheBody::whole(WHY, None) });
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
        stored.answer(self.request.headers(), self.request.method() == Method::HEAD, now, status)
    }

    fn begin(&self, fill: Fill, span: Span) {
        self.table.metrics.miss.inc();
        let flight = Arc::clone(fill.flight());
        let load = fill.run(self.inner.clone(), self.load());
        let task = tokio::spawn(load.instrument(span));
        flight.set_task(task.abort_handle());
    }

    fn note(&self, status: CacheStatus) {
        CacheTrail::note(self.request.extensions(), status);
    }

    /// Passes the request on past what is stored for it, and removes that where the answer shows that it is
    /// outdated (RFC 9111, 4.3.5).
    pub(super) async fn ask_origin(self, status: CacheStatus) -> Result<Response<CacheBody>, BoxError> {
        let variant = self.table.variant(&self.key, self.request.headers());
        let response = forward(self.inner, self.request, status).await?;
        if let Some(variant) = variant.filter(|_| response.status() == StatusCode::OK)
            && variant.stored.is_outdated_by(response.headers())
        {
            self.table.remove(&self.key, &variant);
        }
        Ok(response)
    }

    /// Follows a step to the answer.
    pub(super) async fn follow(self, mut step: Step) -> Result<Response<CacheBody>, BoxError> {
        for _ in 0..MOST_TRIES {
            let (seat, forwarded) = match step {
                Step::There(outcome) => return outcome,
                Step::Alone(status) => return forward(self.inner, self.request, status).await,
                Step::Wait(seat, forwarded) => (seat, forwarded),
            };
            let landed = {
                let _waiting = self.table.metrics.waiting();
                poll_fn(|cx| seat.poll_landed(cx)).await
            };
            let expected = match landed {
                Landed::Failed(why) => return Err(why.into()),
                Landed::Unshared(why, Some(mut response)) => {
                    CacheStatus::Unshared(forwarded, why).add_to(response.headers_mut());
                    return Ok(response);
                }
                Landed::Unshared(why, None) => {
                    // Where the leader's answer is a failure, a stored one is for all.
                    if let Some(answer) = self.look_in_store() {
                        return Ok(answer);
                    }
                    return forward(self.inner, self.request, CacheStatus::Unshared(forwarded, why)).await;
                }
                Landed::Shared(head) => {
                    if head.nominated.matches(self.request.headers()) {
                        return Ok(self.answer(&head, seat, forwarded));
                    }
                    head.nominated.names().clone()
                }
            };
            drop(seat);
            step = self.look(Some(&expected));
        }
        forward(self.inner, self.request, CacheStatus::Bypass("vary")).await
    }

    /// The request of the load: a GET for all, so this one without its (empty) content, which belongs to
    /// its client, without the conditions by which that client validates its own copy, without the range
    /// that it wants of it, and without its wishes of a cache where they would have a cache before the
    /// origin answer less well than the others want it, or not at all.
    fn load(&self) -> Request<B> {
        let mut load = without_content(&self.request);
        *load.method_mut() = Method::GET;
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE, header::IF_RANGE] {
            load.headers_mut().remove(name);
        }
        let wishes = Directives::of(load.headers());
        if wishes.only_if_cached || wishes.max_stale.is_some() {
            load.headers_mut().remove(header::CACHE_CONTROL);
        }
        load
    }

    fn answer(&self, head: &Head, seat: Seat, why: Forwarded) -> Response<CacheBody> {
        let stores = self.table.policy().max_bytes > 0;
        let mut headers = head.headers.clone();
        CacheStatus::Loaded {
            why,
            validated: head.validated,
            collapsed: !seat.is_leader(),
            stored: head
                .lifetime
                .filter(|_| stores)
                .map(|lifetime| lifetime.saturating_sub(head.since.elapsed())),
        }
        .add_to(&mut headers);
        let mut response = Response::new(CacheBody::shared(seat, head.length));
        *response.status_mut() = head.status;
        *response.headers_mut() = headers;
        response
    }
}
