//! `/v1/`, the collection of all keys: lists, watches, transactions.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body::Body as HttpBody;
use kivi_api::headers::KIVI_CHANGE_FEED;
use kivi_api::{Problem, Resource, parameter};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::Answer;
use super::future::RouteFuture;
use super::query::Query;
use super::{Routes, list, names_one_host, problems, respond, transaction, watch};

impl Routes {
    pub(super) fn collection<B>(&self, request: Request<B>) -> RouteFuture
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    {
        if *request.method() != Method::POST {
            return RouteFuture::Known(Some(respond(self.look(&request))));
        }
        let prepared = if names_one_host(&request) {
            self.store().and_then(|store| transaction::Post::new(store, request.headers(), self.limits))
        } else {
            Err(problems::host())
        };
        match prepared.and_then(|post| Query::read(request.uri().query(), "A transaction", &[]).map(|_| post))
        {
            Ok(post) => {
                RouteFuture::Waits(Box::pin(async move { respond(post.answer(request.into_body()).await) }))
            }
            Err(problem) => RouteFuture::Known(Some(respond(Err(problem)))),
        }
    }

    /// A list, or a watch.
    fn look<B>(&self, request: &Request<B>) -> Answer {
        if !names_one_host(request) {
            return Err(problems::host());
        }
        let method = request.method();
        if *method != Method::GET && *method != Method::HEAD {
            return Err(problems::method(Resource::Collection, method));
        }
        let query = Query::read(request.uri().query(), "The collection of keys", &parameter::OF_COLLECTION)?;
        let store = self.store()?;
        if query.flag(parameter::WATCH)? {
            return watch::answer(
                store,
                &query,
                request.headers(),
                self.watch_permit(request.headers())?,
                self.ending.clone(),
            );
        }
        if query.number(parameter::AFTER)?.is_some() {
            return Err(problems::malformed(
                parameter::AFTER,
                "a parameter of a watch; ask with `watch=true`",
            ));
        }
        watch::seen(request.headers())?;
        list::answer(store, &query, request.headers())
    }

    /// None for the sidecar's own, of which there is one: clients' watches must not keep its cache from what changes.
    fn watch_permit(&self, headers: &HeaderMap) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        if self.limits.behind_sidecar && headers.contains_key(KIVI_CHANGE_FEED) {
            return Ok(None);
        }
        let permit = std::sync::Arc::clone(&self.watchers).try_acquire_owned();
        permit.map(Some).map_err(|_| problems::watchers(self.limits.watchers))
    }
}
