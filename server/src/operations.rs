//! The server's own operations on the admin port: `GET /snapshot`.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use kivi_api::headers::KIVI_REVISION;
use kivi_api::{Problem, ProblemType};
use kivi_store::SnapshotEncoder;

use crate::routes::StoreCell;

/// The hash of the state that a snapshot holds, in 16 hexadecimal digits.
const KIVI_STATE_HASH: HeaderName = HeaderName::from_static("kivi-state-hash");

/// The operations that need the store.
pub(crate) fn router(store: StoreCell) -> Router {
    Router::new().route("/snapshot", get(snapshot)).with_state(store)
}

/// Everything at one revision, as `kivi-server restore` reads it. Writes go on meanwhile; a part is made when the one
/// before it was read. If the reader is too slow for the writes, the answer breaks off.
async fn snapshot(State(store): State<StoreCell>) -> Response {
    let Some(store) = store.get() else {
        return Problem::new(ProblemType::NotReady, "The server is reading its log.").into_response();
    };
    let snapshot = store.snapshot();
    let (revision, hash) = (snapshot.sequence(), snapshot.hash().to_string());
    let mut response = Body::from_stream(stream::iter(SnapshotEncoder::new(snapshot))).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(KIVI_REVISION, HeaderValue::from(revision));
    if let Ok(hash) = HeaderValue::from_str(&hash) {
        headers.insert(KIVI_STATE_HASH, hash);
    }
    response
}
