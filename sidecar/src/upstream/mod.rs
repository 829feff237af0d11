//! The way to the server: a pool of HTTP/1.1 connections to one target, and one exchange on it.
//!
//! The pool is our own rather than a general client's: there is one target, and whether a connection had
//! been used before, which decides whether a failed request may be sent again, must be known.

mod body;
mod error;
mod exchange;
mod pool;
mod resend;
mod target;

pub use body::{Outgoing, Received};
pub use error::UpstreamError;
pub use exchange::Exchange;
pub use pool::Pool;
pub use resend::{Resend, ResendLayer};
pub use target::{Target, TargetError, Transport};
