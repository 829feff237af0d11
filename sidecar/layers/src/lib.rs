//! Kivi's tower layers, one folder a layer, the same file names in each.
//!
//! - [`trace`]: W3C trace context in and out, one span a request.
//! - [`metrics`]: duration and number of requests.
//! - [`timeout`]: the deadline of an answer's head.
//! - [`shed`]: the bound on requests in flight.
//! - [`auth`]: bearer tokens.
//! - [`throttle`]: the token bucket.
//! - [`linger`]: uploads that are refused run out, so that the refusal arrives.
//! - [`cache`]: one load a key, shared by all who ask meanwhile, and kept while it is fresh.
//!
//! A layer knows requests, responses and time. It must not know the store, Kubernetes or Kivi's wire
//! types: what it refuses it returns as a typed error, and the binary turns that into a response.

pub mod auth;
pub mod body;
pub mod cache;
pub mod linger;
pub mod metrics;
mod peer;
mod runtime;
pub mod shed;
pub mod throttle;
pub mod timeout;
pub mod trace;

pub use peer::{Peer, PeerOf};
