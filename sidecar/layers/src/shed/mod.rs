//! The bound on requests in flight: one too many is refused at once, never queued.
//!
//! A request is in flight until its response body has ended, so slow readers count as well. What is
//! refused is [`Overloaded`].

mod error;
mod future;
mod layer;
mod policy;
mod service;

pub use error::Overloaded;
pub use future::ShedFuture;
pub use layer::ShedLayer;
pub use policy::Permit;
pub use service::Shed;

/// A body that keeps its request's place until it ends.
pub type PermittedBody<B> = crate::body::GuardedBody<B, Permit>;
