//! The short way of a plain GET: what is kept, lent as it lies there, or a load that its leader drives.
//!
//! It finds what the layer's service would find, in the same table, and leaves to that service whatever is not the
//! common case. What is plain is the caller's to know: a GET without conditions, range, content or wishes of a cache.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::{
    Cache, CacheFuture,
    driven::Driven,
    found::{Found, Kept},
    key::{CacheKey, Requester},
    rescue::rescued,
    share::Share,
    stored::Stored,
};
use crate::auth::Caller;

/// What becomes of a plain GET.
#[derive(Debug)]
pub enum Expressed {
    /// A fresh answer is stored.
    Hit(Hit),
    /// This gives the answer.
    Later(CacheFuture),
    /// Nothing was done: it is the layer's.
    ByLayer,
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
}

impl<S> Cache<S> {
    /// Answers a plain GET. `prepare` adds the extensions that the inner service needs, `exchange` loads the answer from
    /// where that service would have it.
    pub fn express<B, R, P, X, F, A, E>(
        &self,
        get: PlainGet<B>,
        prepare: P,
        exchange: X,
    ) -> Expressed
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body + Default + Send + 'static,
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
        P: FnOnce(&mut Request<B>),
        X: FnOnce() -> F,
        F: Future<Output = Result<Response<A>, E>> + Send + 'static,
        A: Body<Data = Bytes> + Send + 'static,
        A::Error: Into<BoxError>,
        E: Into<BoxError> + Send + 'static,
    {
        let PlainGet { mut request, caller, client } = get;
        let requester = Requester {
            token: match caller {
                Caller::Token(digest) => Some(digest),
                Caller::Anonymous => None,
            },
            client,
            credentials: request.headers().contains_key(http::header::AUTHORIZATION),
        };
        let key = CacheKey::of(request.uri(), request.headers(), requester, &self.table.policy.split_by);
        let found = self.table.find(&key, request.headers(), None);
        match &found {
            Found::Kept(Kept::Fresh(stored)) => {
                let hit = Hit { stored: Arc::clone(stored), now: Instant::now() };
                if hit.stored.is_lendable() {
                    self.table.metrics.hit.inc();
                    return Expressed::Hit(hit);
                }
                return Expressed::ByLayer;
            }
            Found::Failed(_) | Found::Unshared | Found::Crowded => return Expressed::ByLayer,
            Found::Kept(_) | Found::Joined(..) | Found::Leads { .. } => {}
        }
        prepare(&mut request);
        let share = Share { inner: self.inner.clone(), table: Arc::clone(&self.table), key, request };
        let (step, driven) = match found {
            Found::Leads { seat, fill, why } if fill.is_plain() => {
                let flight = Arc::clone(fill.flight());
                let step = share.leads(seat, why);
                (step, Some(Driven::new(flight, fill.run_by(exchange()))))
            }
            other => (share.take(other), None),
        };
        let rescue = share.rescue();
        Expressed::Later(CacheFuture::waiting(rescued(rescue, share.follow(step, driven))))
    }
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
