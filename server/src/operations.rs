//! The server's own operations on the admin port: `GET /snapshot`.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use kivi_api::SNAPSHOT_PATH;

use crate::routes::{StoreCell, everything, replaying};

/// The operations that need the store.
pub(crate) fn router(store: StoreCell) -> Router {
    Router::new().route(SNAPSHOT_PATH, get(snapshot)).with_state(store)
}

/// What clients get under the same path who have a token.
async fn snapshot(State(store): State<StoreCell>) -> Response {
    match store.get() {
        Some(store) => everything(store).map(Body::new),
        None => replaying().into_response::<Body>(),
    }
}
