//! The token bucket: `rate` requests a second, at most `burst` saved, per client or for all together.
//!
//! The buckets are our own rather than `governor`'s: its keyed store has no bound and never evicts, and
//! any eviction laid around it would hand the evicted client a full bucket. Here a bucket is forgotten
//! only when it is full, which loses nothing, so no client gains by being forgotten.
//!
//! A client is its token (the [`crate::auth::Caller`] extension), else its address; an IPv6 address
//! counts by its /64, of which one host has 2^64. What is refused is [`Throttled`].

mod bucket;
mod client;
mod error;
mod future;
mod layer;
mod policy;
mod service;

pub use error::Throttled;
pub use future::ThrottleFuture;
pub use layer::ThrottleLayer;
pub use policy::{By, OnExcess, Rate};
pub use service::Throttle;
