//! From a request to the store and back: one tower service without a router in between.
//!
//! `/v1/` is the collection of all keys, and every path behind it names a key, of any bytes, so there is nothing for a
//! router to match; it would only stand in the hot path. A GET is answered without waiting and without an allocation
//! for its future.

mod answer;
mod body;
mod collection;
mod copies;
mod cursor;
mod document;
mod future;
mod idempotency;
mod limits;
mod list;
mod preconditions;
mod problems;
mod query;
mod range;
mod read;
mod transaction;
mod ttl;
mod watch;
mod write;

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HOST;
use http::{Method, Request, Response, Version};
use http_body::Body as HttpBody;
use kivi_api::{DOCUMENT_PATH, LOG_PATH, Problem, Resource, SNAPSHOT_PATH, key};
use kivi_store::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service;

use answer::Answer;
pub(crate) use answer::Body;
pub(crate) use copies::everything;
use future::RouteFuture;
pub(crate) use limits::Limits;
pub(crate) use problems::{replaying, sentence, store as store_problem};
pub(crate) use ttl::left as ttl_left;
pub(crate) use write::media_type;

/// The store, from the moment its log is replayed.
pub(crate) type StoreCell = Arc<OnceLock<Arc<Store>>>;

/// The REST API of design section 3.
#[derive(Clone)]
pub(crate) struct Routes {
    store: StoreCell,
    limits: Limits,
    /// One permit a watch.
    watchers: Arc<Semaphore>,
    /// Ends watches, which would not end by themselves.
    ending: CancellationToken,
}

/// The template of a path for spans and metrics; no key ever is in it.
pub(crate) fn route_of(path: &str) -> Option<&'static str> {
    match path.strip_prefix(key::PREFIX) {
        Some("") => Some("/v1/"),
        Some(_) => Some("/v1/{key}"),
        None => [DOCUMENT_PATH, SNAPSHOT_PATH, LOG_PATH].into_iter().find(|known| *known == path),
    }
}

impl Routes {
    /// Until `store` is filled every request under `/v1/` gets 503. Watches end when `ending` is cancelled.
    pub(crate) fn new(store: StoreCell, limits: Limits, ending: CancellationToken) -> Self {
        let watchers = Arc::new(Semaphore::new(limits.watchers.min(Semaphore::MAX_PERMITS)));
        Self { store, limits, watchers, ending }
    }

    fn store(&self) -> Result<&Arc<Store>, Problem> {
        self.store.get().ok_or_else(problems::replaying)
    }

    /// The key of a request whose path, method and query this API knows.
    fn key<'r, B>(&self, request: &'r Request<B>) -> Result<Cow<'r, [u8]>, Problem> {
        if !names_one_host(request) {
            return Err(problems::host());
        }
        let key = key::from_path(request.uri().path()).map_err(problems::bad_key)?;
        if key.len() > self.limits.key_bytes {
            return Err(problems::key_too_long(key.len(), self.limits.key_bytes));
        }
        if !is_known(request.method()) {
            return Err(problems::method(Resource::Key, request.method()));
        }
        Ok(key)
    }

    fn read<B>(&self, request: &Request<B>) -> Answer {
        let key = self.key(request)?;
        query::none(request.uri().query())?;
        read::answer(self.store()?, &key, request.method(), request.headers())
    }

    /// What lies beside the keys.
    fn beside<B>(&self, request: &Request<B>) -> Answer {
        if !names_one_host(request) {
            return Err(problems::host());
        }
        let (method, query) = (request.method(), request.uri().query());
        match request.uri().path() {
            SNAPSHOT_PATH => copies::snapshot(self.store()?, method, query),
            LOG_PATH => copies::log(self.store()?, method, query),
            _ => document::answer(method, query, request.headers()),
        }
    }

    /// What a write needs, all but its body.
    fn write<B>(&self, request: &Request<B>) -> Result<write::Write, Problem> {
        let key = self.key(request)?;
        write::Write::new(self.store()?, key, request, self.limits)
    }
}

impl<B> Service<Request<B>> for Routes
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> RouteFuture {
        if request.uri().path() == key::PREFIX {
            return self.collection(request);
        }
        if let DOCUMENT_PATH | SNAPSHOT_PATH | LOG_PATH = request.uri().path() {
            return RouteFuture::Known(Some(respond(self.beside(&request))));
        }
        if *request.method() != Method::PUT && *request.method() != Method::DELETE {
            return RouteFuture::Known(Some(respond(self.read(&request))));
        }
        match self.write(&request) {
            Ok(write) => {
                let (parts, body) = request.into_parts();
                RouteFuture::Waits(Box::pin(async move { respond(write.answer(&parts, body).await) }))
            }
            Err(problem) => RouteFuture::Known(Some(respond(Err(problem)))),
        }
    }
}

/// RFC 9112 section 3.2: an HTTP/1.1 request without exactly one `Host` must be refused. What it says does not
/// matter here.
fn names_one_host<B>(request: &Request<B>) -> bool {
    request.version() != Version::HTTP_11 || request.headers().get_all(HOST).iter().take(2).count() == 1
}

fn is_known(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::PUT, Method::DELETE].contains(method)
}

/// The one place where a problem becomes a response.
fn respond(answer: Answer) -> Response<Body> {
    answer.unwrap_or_else(Problem::into_response)
}

#[cfg(test)]
mod tests;
