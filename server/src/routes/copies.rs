//! `/snapshot` and `/log`: the store as bytes. A part is made when the one before it was read, so a slow reader takes no
//! memory; one that is too slow for the writes that come is broken off, which shows in the bytes themselves too: only what
//! is whole comes to its end.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response};
use kivi_api::headers::{KIVI_REVISION, KIVI_STATE_HASH, KIVI_STORE_ID, OCTET_STREAM};
use kivi_api::{Problem, Resource, parameter};
use kivi_store::{SnapshotCopy, Store, StoreId};
use tower::BoxError;

use super::answer::{Answer, Body};
use super::problems;
use super::query::{self, Query};

/// Everything at one revision, as `kivi-server restore` reads it.
pub(super) fn snapshot(store: &Arc<Store>, method: &Method, query: Option<&str>) -> Answer {
    known(Resource::Snapshot, method)?;
    query::none(query)?;
    Ok(everything(store))
}

/// The same, to whoever may have it anyway.
pub(crate) fn everything(store: &Arc<Store>) -> Response<Body> {
    let SnapshotCopy { revision, hash, bytes } = store.copy();
    let parts = stream::iter(bytes).map(|part| part.map_err(BoxError::from));
    let mut response = answer(store.store_id(), revision, parts, "a snapshot");
    response.headers_mut().insert(KIVI_STATE_HASH, text(&hash.to_string()));
    response
}

/// The entries of the log behind a revision.
pub(super) fn log(store: &Arc<Store>, method: &Method, query: Option<&str>) -> Answer {
    known(Resource::Log, method)?;
    let query = Query::read(query, "The log", &parameter::OF_LOG)?;
    let excerpt = store.excerpt(query.number(parameter::AFTER)?.unwrap_or(0));
    let excerpt = excerpt.map_err(|error| problems::past(&error))?;
    let (store_id, last) = (excerpt.store_id, excerpt.last);
    if *method == Method::HEAD {
        // Nothing is read for it.
        return Ok(answer(store_id, last, stream::empty(), "the log"));
    }
    Ok(answer(store_id, last, excerpt.bytes().map(|part| part.map_err(BoxError::from)), "the log"))
}

fn known(resource: Resource, method: &Method) -> Result<(), Problem> {
    if *method == Method::GET || *method == Method::HEAD {
        return Ok(());
    }
    Err(problems::method(resource, method))
}

fn answer(
    store_id: StoreId,
    revision: u64,
    parts: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static,
    what: &'static str,
) -> Response<Body> {
    let parts = parts.inspect(move |part| {
        if let Err(error) = part {
            tracing::warn!(%error, "Broke {what} off.");
        }
    });
    let mut response = Response::new(Body::Pieces(parts.boxed()));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, OCTET_STREAM);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(KIVI_REVISION, HeaderValue::from(revision));
    fields.insert(KIVI_STORE_ID, text(&store_id.to_string()));
    response
}

/// Digits always make a field's value.
fn text(digits: &str) -> HeaderValue {
    HeaderValue::from_str(digits).unwrap_or(HeaderValue::from_static(""))
}
