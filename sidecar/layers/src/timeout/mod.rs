//! The deadline of a request: its answer's head must be there by then.
//!
//! The layer stamps [`Deadline`] on a request that has none, and keeps an earlier one, so that every
//! layer and the upstream within see one deadline. What takes longer is [`TimedOut`]; the body that
//! follows a head may take its time. The time that requests have can be replaced while they pass; each keeps
//! the one that it came under.

mod error;
mod future;
mod layer;
mod policy;
mod service;

pub use error::TimedOut;
pub use future::TimeoutFuture;
pub use layer::TimeoutLayer;
pub use policy::{Deadline, Limit};
pub use service::Timeout;
