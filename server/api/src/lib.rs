//! Kivi's wire types: what the server, the sidecar, the kubectl plugin and the tests agree on.
//!
//! - [`key`]: a key of any bytes as the rest of a URL path, and back.
//! - [`etag`]: entity tags, which carry the revision of a key.
//! - [`problem`]: errors as `application/problem+json`.
//! - [`refusal`]: what one connection too many is told.
//! - [`headers`]: the names of Kivi's own header fields.
//! - [`parameter`]: the names of query parameters.
//! - [`wire`]: lists, events and transactions as JSON.
//! - [`client`]: a small HTTP client of the REST API.
//! - `openapi` (feature `schema`): all of the above as an OpenAPI document.
//!
//! It must not know how a store works, nor any binary's configuration.

pub mod client;
pub mod etag;
pub mod headers;
pub mod key;
#[cfg(feature = "schema")]
pub mod openapi;
pub mod parameter;
pub mod problem;
pub mod refusal;
pub mod wire;

/// Where a server serves the OpenAPI document of its API.
pub const DOCUMENT_PATH: &str = "/openapi.json";

/// Where a server gives everything at one revision, for a copy of the store or a backup.
pub const SNAPSHOT_PATH: &str = "/snapshot";

/// Where a server gives the entries of its log behind a revision.
pub const LOG_PATH: &str = "/log";

/// Whether a path, as it stands in a request, is answered to nobody without a token, however open the store is: what it
/// gives is the whole store, made at some cost.
pub fn is_guarded(path: &str) -> bool {
    path == SNAPSHOT_PATH || path == LOG_PATH
}

pub use client::{Client, ClientBuilder, ClientError, Precondition};
pub use etag::EntityTag;
pub use problem::{Limit, Problem, ProblemType, Resource};
pub use refusal::too_many_connections;
