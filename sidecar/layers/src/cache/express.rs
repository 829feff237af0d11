//! The short way of a plain GET: what is kept, lent as it lies there, or a load that its leader drives.
//!
//! It finds what the layer's service would find, in the same table, and does with what is not the common case as that
//! service does: a request that came so far was counted by the layers outside, and must not meet them once more. What is
//! plain is the caller's to know: a GET without conditions, range, content or wishes of a cache.

use std::{future::poll_fn, net::IpAddr, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::{
    Cache, CacheBody, CacheTrail,
    driven::Driven,
    exchanged::Exchanged,
    fetched::Fetched,
    flight::{Landed, Seat},
    found::{Found, Kept},
    key::Requester,
    rescue::rescued,
    share::{Share, Step},
    status::Forwarded,
    stored::Stored,
    table::Table,
};
use crate::{
    auth::Caller,
    timeout::{Deadline, Limit},
};

/// What becomes of a plain GET.
pub enum Expressed {
    /// A fresh answer is stored.
    Hit(Hit),
    /// This gives the answer.
    Later(Pin<Box<dyn Future<Output = Result<Fetched, NotFetched>> + Send>>),
}

/// Why there is no answer, and how far the request got in the cache.
#[derive(Debug)]
pub struct NotFetched {
    /// As the layer's service would have failed.
    pub error: BoxError,
    /// Of the request.
    pub trail: CacheTrail,
}

/// A stored answer that is served now.
#[derive(Debug)]
pub struct Hit {
    stored: Arc<Stored>,
    now: Instant,
}

/// A plain GET.
#[derive(Debug)]
pub struct PlainGet<B> {
    /// Its head, without extensions; its body is empty.
    pub request: Request<B>,
    /// Who sent it.
    pub caller: Caller,
    /// The address it came from.
    pub client: Option<IpAddr>,
    /// When its client is not answered any more.
    pub deadline: Deadline,
    /// The time that it has, from which that follows.
    pub limit: Limit,
}

impl<S> Cache<S> {
    /// Answers a plain GET. `prepare` adds the extensions that the inner service needs, `exchange` loads the answer from
    /// where that service would have it.
    pub fn express<B, R, P, X, F, A, E>(&self, get: PlainGet<B>, prepare: P, exchange: X) -> Expressed
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body + Default + Send + 'static,
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
        P: FnOnce(&mut Request<B>) + Send + 'static,
        X: FnOnce() -> F,
        F: Future<Output = Result<Exchanged<A>, E>> + Send + 'static,
        A: Body<Data = Bytes> + Send + 'static,
        A::Error: Into<BoxError>,
        E: Into<BoxError> + Send + 'static,
    {
        let PlainGet { request, caller, client, deadline, limit } = get;
        let requester = Requester {
            token: match caller {
                Caller::Token(digest) => Some(digest),
                Caller::Anonymous => None,
            },
            client,
            credentials: request.headers().contains_key(http::header::AUTHORIZATION),
        };
        let table = &self.table;
        let key = self.key_of(&request, requester);
        let found = table.find(&key, request.headers(), None);
        let share =
            |key, request| Share { inner: self.inner.clone(), table: Arc::clone(table), key, request };
        let (mut seat, why, driven) = match found {
            Found::Kept(Kept::Fresh(stored)) if stored.is_lendable() => {
                table.metrics.hit.inc();
                return Expressed::Hit(Hit { stored, now: Instant::now() });
            }
            Found::Leads { seat, fill, why } if fill.is_plain() => {
                table.metrics.miss.inc();
                let flight = Arc::clone(fill.flight());
                (seat, why, Some(Driven::new(flight, fill.run_by(exchange()))))
            }
            // Its load has a deadline no later than this request's; only one that departs later may have a later one.
            Found::Joined(seat, why) if table.is_empty() && seat.has_departed() => {
                table.metrics.coalesced.inc();
                (seat, why, None)
            }
            // As the layer's service has it.
            other => {
                let (request, trail) = prepared(request, deadline, prepare);
                let share = share(key, request);
                let step = share.take(other);
                let rescue = if matches!(step, Step::There(_)) { None } else { share.rescue() };
                return Expressed::Later(Box::pin(async move {
                    let outcome = limit.give_up(deadline, rescued(rescue, share.follow(step))).await;
                    outcome.map(Fetched::from).map_err(|error| NotFetched { error, trail })
                }));
            }
        };
        let share = share(key, request);
        Expressed::Later(Box::pin(async move {
            let landed = landed(&share.table, &mut seat, driven).await;
            match landed {
                Landed::Shared(head, whole) if head.nominated.matches(share.request.headers()) => {
                    Ok(Fetched::shared(&share.table, head, whole, seat, why))
                }
                other => {
                    let (request, trail) = prepared(share.request, deadline, prepare);
                    let share = Share { request, ..share };
                    let outcome = limit.give_up(deadline, Box::pin(otherwise(share, other, seat, why))).await;
                    outcome.map(Fetched::from).map_err(|error| NotFetched { error, trail })
                }
            }
        }))
    }
}

/// Waits for a load, and drives it where it is one's own.
async fn landed(table: &Table, seat: &mut Seat, mut driven: Option<Driven>) -> Landed {
    let _waiting = table.metrics.waiting();
    poll_fn(|cx| {
        if let Some(driven) = &mut driven {
            driven.drive(cx);
        }
        seat.poll_landed(cx)
    })
    .await
}

/// What the layer's service makes of a load that did not end in an answer for this request.
async fn otherwise<S, B, R>(
    share: Share<S, B>,
    landed: Landed,
    seat: Seat,
    why: Forwarded,
) -> Result<Response<CacheBody>, BoxError>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body + Default + Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    share.waits(!seat.is_leader(), why);
    let step = share.land(landed, seat, why);
    share.follow(step).await
}

/// The request as the inner service has it, and how far it gets.
fn prepared<B>(
    mut request: Request<B>,
    deadline: Deadline,
    prepare: impl FnOnce(&mut Request<B>),
) -> (Request<B>, CacheTrail) {
    let trail = CacheTrail::default();
    prepare(&mut request);
    request.extensions_mut().insert(deadline);
    request.extensions_mut().insert(trail.clone());
    (request, trail)
}

impl Hit {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.stored.status
    }

    /// Its fields as they are stored. Their `Age` is that of then, `Content-Length` may lack, and this cache's
    /// `Cache-Status`, which is `kivi; hit; ttl=` with [`Hit::ttl`], is not among them, nor another cache's.
    pub fn headers(&self) -> &HeaderMap {
        &self.stored.headers
    }

    /// Its `Age` now, in seconds.
    pub fn age(&self) -> u64 {
        self.stored.age(self.now).as_secs()
    }

    /// The freshness that is left, in whole seconds, as `Cache-Status` says it.
    pub fn ttl(&self) -> u64 {
        self.stored.left(self.now).unwrap_or_default().as_secs()
    }

    /// All of its content.
    pub fn body(&self) -> &Bytes {
        self.stored.content()
    }
}
