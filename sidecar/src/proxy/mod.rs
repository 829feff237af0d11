//! What a gateway does to a message that it passes on (RFC 9110, section 7): hop-by-hop fields are
//! removed in both directions, the fields that tell the server who asked are added, the rest passes byte
//! for byte.
//!
//! A request that no gateway may pass on is refused by a layer of its own, which also settles its `Host`.
//! `Host` stays the client's, as the server may serve several. `X-Forwarded-For` is appended to;
//! `X-Forwarded-Proto` and `-Host` are set unless an outer proxy did. `Forwarded` (RFC 7239) is appended
//! to where an outer proxy uses it.

mod admit;
mod error;
mod forwarded;
mod hop;
mod host;
mod service;

pub use admit::{Admit, AdmitLayer};
pub use error::ProxyError;
pub(crate) use hop::strip;
pub use service::{Proxy, ProxyLayer};
