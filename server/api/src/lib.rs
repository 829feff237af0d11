//! Kivi's wire types: what the server, the sidecar, the kubectl plugin and the tests agree on.
//!
//! - [`key`]: a key of any bytes as the rest of a URL path, and back.
//! - [`etag`]: entity tags, which carry the revision of a key.
//! - [`problem`]: errors as `application/problem+json`.
//! - [`refusal`]: what one connection too many is told.
//! - [`headers`]: the names of Kivi's own header fields.
//! - [`wire`]: lists, events and transactions as JSON.
//! - [`client`]: a small HTTP client of the REST API.
//!
//! It must not know how a store works, nor any binary's configuration.

pub mod client;
pub mod etag;
pub mod headers;
pub mod key;
pub mod problem;
pub mod refusal;
pub mod wire;

pub use client::{Client, ClientBuilder, ClientError, Precondition};
pub use etag::EntityTag;
pub use problem::{Limit, Problem, ProblemType, Resource};
pub use refusal::too_many_connections;
