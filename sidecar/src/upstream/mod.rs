//! The way to the server: a pool of HTTP/1.1 connections to one target, and one exchange on it.
//!
//! A plain GET goes `direct`, everything else through hyper.
//!
//! The pool is our own rather than a general client's: there is one target, and whether a connection had
//! been used before, which decides whether a failed request may be sent again, must be known.

mod body;
mod connect;
mod direct;
mod error;
mod exchange;
mod idle;
mod pool;
mod resend;
mod target;

pub use body::{Outgoing, Received};
pub use direct::{Direct, DirectBody};
pub use error::UpstreamError;
pub use exchange::Exchange;
use exchange::received;
pub use pool::Pool;
pub use resend::{Resend, ResendLayer};
pub use target::{Target, TargetError, Transport};
