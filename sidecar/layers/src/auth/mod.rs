//! Bearer tokens (RFC 6750): who may read and write.
//!
//! Which tokens are valid is the binary's knowledge, behind [`Verifier`]. An accepted request carries its
//! [`Caller`] as an extension and loses its `Authorization`: what stands behind the sidecar needs no
//! token, and what it never sees it cannot leak. What is refused is [`Unauthorized`].

mod error;
mod future;
mod layer;
mod policy;
mod service;

pub use error::Unauthorized;
pub use future::AuthFuture;
pub use layer::AuthLayer;
pub use policy::{Anonymous, Caller, Guarded, Verifier};
pub use service::Auth;
