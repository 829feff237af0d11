//! The layer's service: sorts requests.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body;
use tower::{BoxError, Service};

use super::{
    CacheBody, CacheFuture,
    classify::{Plan, classify},
    forward::forward,
    key::{CacheKey, Requester},
    rescue::rescued,
    share::{Share, Step},
    status::CacheStatus,
    table::Table,
    write::Write,
};
use crate::{PeerOf, auth::Caller};

/// Coalesces loads and keeps answers.
///
/// It is always ready, for an answer from the store needs nothing of the inner service: each load waits
/// for a clone of the inner service to be ready.
#[derive(Debug, Clone)]
pub struct Cache<S> {
    pub(super) inner: S,
    pub(super) table: Arc<Table>,
    peer_of: PeerOf,
}

impl<S> Cache<S> {
    pub(super) fn new(inner: S, table: Arc<Table>, peer_of: PeerOf) -> Self {
        Self { inner, table, peer_of }
    }

    fn key<B>(&self, request: &Request<B>) -> CacheKey {
        let extensions = request.extensions();
        let requester = Requester {
            token: match extensions.get() {
                Some(Caller::Token(digest)) => Some(*digest),
                Some(Caller::Anonymous) | None => None,
            },
            client: (self.peer_of)(extensions).address.map(|address| address.ip().to_canonical()),
            // The authentication layer removes what it accepts.
            credentials: request.headers().contains_key(header::AUTHORIZATION),
        };
        self.key_of(request, requester)
    }

    /// The key of a request of this requester, by the policy in force.
    pub(super) fn key_of<B>(&self, request: &Request<B>, requester: Requester) -> CacheKey {
        let policy = self.table.policy();
        let key = CacheKey::of(request.uri(), request.headers(), requester, &policy.split_by);
        CacheKey { generation: policy.generation(), ..key }
    }

    fn share<B>(&self, request: Request<B>) -> Share<S, B>
    where
        S: Clone,
    {
        Share { inner: self.inner.clone(), table: Arc::clone(&self.table), key: self.key(&request), request }
    }
}

impl<S, B, R> Service<Request<B>> for Cache<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body + Default + Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<CacheBody>;
    type Error = BoxError;
    type Future = CacheFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let has_body = !request.body().is_end_stream();
        let plan = classify(request.method(), request.headers(), has_body);
        match plan {
            Plan::Forward(status @ CacheStatus::Request) => {
                CacheFuture::waiting(self.share(request).ask_origin(status))
            }
            Plan::Forward(status) => CacheFuture::waiting(forward(self.inner.clone(), request, status)),
            Plan::Write(reach) => {
                let write = Write::begin(Arc::clone(&self.table), &request, reach);
                CacheFuture::waiting(write.run(self.inner.clone(), request))
            }
            Plan::Stored(otherwise) => {
                let share = self.share(request);
                if let Some(answer) = share.look_in_store() {
                    return CacheFuture::there(Ok(answer));
                }
                let rescue = share.rescue();
                CacheFuture::waiting(rescued(rescue, share.past_the_store(otherwise)))
            }
            Plan::Reload => {
                let share = self.share(request);
                let (rescue, step) = (share.rescue(), share.reload());
                CacheFuture::waiting(rescued(rescue, share.follow(step)))
            }
            Plan::OnlyStored => {
                let share = self.share(request);
                let answer = share.look_in_store().unwrap_or_else(|| share.not_stored());
                CacheFuture::there(Ok(answer))
            }
            Plan::Unanswered => CacheFuture::there(Ok(self.share(request).not_stored())),
            Plan::Share => {
                let share = self.share(request);
                // Now, not at the first poll: who comes next joins a load that has begun.
                match share.look(None) {
                    Step::There(outcome) => CacheFuture::there(outcome),
                    step => {
                        let rescue = share.rescue();
                        CacheFuture::waiting(rescued(rescue, share.follow(step)))
                    }
                }
            }
        }
    }
}
