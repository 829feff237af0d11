//! `POST /cache/purge` on the admin port: drops what the cache keeps of a key, of a prefix, or of everything.
//!
//! The body is one JSON object with one field, whatever its media type, so that `curl -d` does it. Keys are written as
//! the server's JSON writes them: text, with `%` and two digits for bytes that are none. The paths are for servers that
//! are no store.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderValue, Method, header::ALLOW};
use kivi_api::{Problem, ProblemType, key::PREFIX, wire::KeyText};
use kivi_layers::cache::{CacheControl, Purge};
use serde::{Deserialize, Serialize};

/// What there is to ask for.
const ONE_OF: &str = r#"write one of {"key": "order/17"}, {"prefix": "order/"}, {"path": "/a.png"}, {"pathPrefix": "/img/"} and {"all": true}"#;

/// The body; one of its fields is there.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    key: Option<KeyText>,
    prefix: Option<KeyText>,
    path: Option<String>,
    path_prefix: Option<String>,
    all: Option<bool>,
}

/// What was dropped.
#[derive(Debug, Serialize)]
struct Dropped {
    answers: u64,
    bytes: u64,
    loads: u64,
}

/// The operations of a cache.
pub(crate) fn router(control: CacheControl) -> Router {
    Router::new().route("/cache/purge", post(purge).fallback(other_method)).with_state(control)
}

async fn purge(State(control): State<CacheControl>, body: Bytes) -> Response {
    let what = match read(&body) {
        Ok(what) => what,
        Err(reason) => return Problem::new(ProblemType::BadRequest, reason).into_response::<Body>(),
    };
    // A large cache is looked through for longer than a request may hold up others.
    match tokio::task::spawn_blocking(move || control.purge(&what)).await {
        Ok(purged) => {
            let (answers, bytes, loads) = (purged.answers, purged.bytes, purged.loads);
            tracing::info!(answers, bytes, loads, "The cache was purged.");
            Json(Dropped { answers, bytes, loads }).into_response()
        }
        Err(error) => Problem::new(ProblemType::Internal, format!("The purge broke off: {error}."))
            .into_response::<Body>(),
    }
}

async fn other_method(method: Method) -> Response {
    let detail = format!("A purge is a POST, not a {method}; {ONE_OF}.");
    let mut response = Problem::new(ProblemType::MethodNotAllowed, detail).into_response::<Body>();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

fn read(body: &[u8]) -> Result<Purge, String> {
    let asked: Asked = serde_json::from_slice(body)
        .map_err(|error| format!("The body says nothing to purge: {error}; {ONE_OF}."))?;
    match asked {
        Asked { key: Some(KeyText(key)), prefix: None, path: None, path_prefix: None, all: None } => {
            if key.is_empty() {
                return Err(format!("A key has at least one byte; {ONE_OF}."));
            }
            Ok(Purge::Resource(below_prefix(&key)))
        }
        Asked { key: None, prefix: Some(KeyText(prefix)), path: None, path_prefix: None, all: None } => {
            Ok(Purge::Beginning(below_prefix(&prefix)))
        }
        Asked { key: None, prefix: None, path: Some(path), path_prefix: None, all: None } => {
            Ok(Purge::path(absolute(&path)?))
        }
        Asked { key: None, prefix: None, path: None, path_prefix: Some(path), all: None } => {
            Ok(Purge::path_prefix(absolute(&path)?))
        }
        Asked { key: None, prefix: None, path: None, path_prefix: None, all: Some(true) } => Ok(Purge::All),
        _ => Err(format!("The body names nothing to purge, or more than one thing; {ONE_OF}.")),
    }
}

/// A key's resource, or the beginning of those of a prefix.
fn below_prefix(key: &[u8]) -> Box<[u8]> {
    [PREFIX.as_bytes(), key].concat().into()
}

/// A path as it stands in a URL, without its query: a purge is of all queries.
fn absolute(path: &str) -> Result<&str, String> {
    if path.starts_with('/') && !path.contains(['?', '#']) {
        Ok(path)
    } else {
        Err(format!("A path begins with `/` and has no query; {ONE_OF}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Box<[u8]> {
        text.as_bytes().into()
    }

    #[test]
    fn keys_and_paths_are_decoded_once() {
        for (body, purge) in [
            (r#"{"key": "order/17"}"#, Purge::Resource(bytes("/v1/order/17"))),
            (r#"{"key": "100%25"}"#, Purge::Resource(bytes("/v1/100%"))),
            (r#"{"prefix": ""}"#, Purge::Beginning(bytes("/v1/"))),
            (r#"{"prefix": "a%00"}"#, Purge::Beginning(bytes("/v1/a\0"))),
            (r#"{"path": "/a%20b"}"#, Purge::Resource(bytes("/a b"))),
            (r#"{"pathPrefix": "/img/"}"#, Purge::Beginning(bytes("/img/"))),
            (r#"{"all": true}"#, Purge::All),
        ] {
            assert_eq!(read(body.as_bytes()), Ok(purge), "{body}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_way_out() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"all": false}"#,
            r#"{"key": ""}"#,
            r#"{"key": "50%"}"#,
            r#"{"key": "a", "prefix": "b"}"#,
            r#"{"key": "a", "all": true}"#,
            r#"{"keys": "a"}"#,
            r#"{"path": "a"}"#,
            r#"{"path": "/a?b"}"#,
        ] {
            let reason = read(body.as_bytes()).unwrap_err();
            assert!(reason.contains(r#"write one of {"key": "order/17"}"#), "{body}: {reason}");
        }
    }
}
