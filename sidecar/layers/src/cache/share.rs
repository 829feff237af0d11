//! A GET that may share a load: joins one or begins one, waits for its headers, and looks again when the
//! answer turns out not to be for it.

use std::{future::poll_fn, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body::Body;
use tokio::time::Instant;
use tower::{BoxError, Service};
use tracing::{Instrument, Span};

use super::{
    CacheBody,
    fill::Fill,
    flight::{Landed, Seat},
    forward::forward,
    head::Head,
    key::CacheKey,
    rescue::Rescue,
    status::CacheStatus,
    table::{Found, Kept, Table},
    trail::CacheTrail,
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
    /// The answer comes on a flight; whether a stale one was stored before.
    Wait(Seat, bool),
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
            Found::Crowded => Step::Alone(CacheStatus::Bypass("crowded")),
            Found::Joined(seat) => {
                metrics.coalesced.inc();
                self.note(CacheStatus::Loaded { stale: false, collapsed: true, stored: None });
                Step::Wait(seat, false)
            }
            Found::Leads { seat, fill, stale } => {
                self.note(CacheStatus::Loaded { stale, collapsed: false, stored: None });
                self.begin(fill, Span::current());
                Step::Wait(seat, stale)
            }
        }
    }

    /// The answer from the store, where there is one to be served at once.
    pub(super) fn look_in_store(&self) -> Option<Response<CacheBody>> {
        self.table.kept(&self.key, self.request.headers()).map(|kept| self.serve(kept))
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

    /// Follows a step to the answer.
    pub(super) async fn follow(self, mut step: Step) -> Result<Response<CacheBody>, BoxError> {
        for _ in 0..MOST_TRIES {
            let (seat, stale) = match step {
                Step::There(outcome) => return outcome,
                Step::Alone(status) => return forward(self.inner, self.request, status).await,
                Step::Wait(seat, stale) => (seat, stale),
            };
            let landed = {
                let _waiting = self.table.metrics.waiting();
                poll_fn(|cx| seat.poll_landed(cx)).await
            };
            let expected = match landed {
                Landed::Failed(why) => return Err(why.into()),
                Landed::Unshared(why, Some(mut response)) => {
                    CacheStatus::Unshared(why).add_to(response.headers_mut());
                    return Ok(response);
                }
                Landed::Unshared(why, None) => {
                    // Where the leader's answer is a failure, a stored one is for all.
                    if let Some(answer) = self.look_in_store() {
                        return Ok(answer);
                    }
                    return forward(self.inner, self.request, CacheStatus::Unshared(why)).await;
                }
                Landed::Shared(head) => {
                    if head.nominated.matches(self.request.headers()) {
                        return Ok(self.answer(&head, seat, stale));
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
    /// its client, and without the conditions by which that client validates its own copy.
    fn load(&self) -> Request<B> {
        let mut load = Request::new(B::default());
        *load.uri_mut() = self.request.uri().clone();
        *load.version_mut() = self.request.version();
        *load.headers_mut() = self.request.headers().clone();
        load.headers_mut().remove(header::IF_NONE_MATCH);
        load.headers_mut().remove(header::IF_MODIFIED_SINCE);
        *load.extensions_mut() = self.request.extensions().clone();
        load
    }

    fn answer(&self, head: &Head, seat: Seat, stale: bool) -> Response<CacheBody> {
        let stores = self.table.policy.max_bytes > 0;
        let mut headers = head.headers.clone();
        CacheStatus::Loaded {
            stale,
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
