//! Kivi's sidecar: TLS, authentication, throttling and stampede-safe caching in front of an HTTP server.
//!
//! - [`flags`] and [`config`]: everything is read and checked before a port is bound.
//! - [`stack`]: the request's path, one layer a line.
//! - [`proxy`]: what a gateway does to a message; [`upstream`]: the way to the server.
//! - [`respond`]: the one edge at which errors become responses.
//! - [`policy`]: the cache's policy out of the settings; `gates`: the bounds of requests; `reload`: which follow their file; `purge`: the cache's
//!   operations; `feed`: the changes of a Kivi server, for the cache.
//! - [`run`]: from bound to drained; its probes are in `ready`.
//!
//! It must not know what the server stores: it serves in front of any HTTP server, and no path on the
//! client port is its own. `feed` alone knows a path of the server, and only of one that is a Kivi server.

pub mod config;
mod express;
mod feed;
pub mod flags;
mod gates;
mod peer;
pub mod policy;
pub mod proxy;
mod purge;
mod ready;
mod reload;
pub mod respond;
pub mod run;
pub mod stack;
pub mod upstream;

pub use config::Config;
pub use flags::Flags;
pub use run::Sidecar;
