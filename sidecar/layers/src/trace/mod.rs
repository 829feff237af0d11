//! Tracing: W3C trace context in and out, one span a request by OpenTelemetry's HTTP conventions.
//!
//! [`TraceLayer::server`] goes outermost on what a process serves, [`TraceLayer::client`] directly
//! around what it calls, inside any retry, so that each attempt has its span. Spans are `tracing` spans
//! of the target [`TARGET`]; `tracing-opentelemetry` exports them. Where no such layer is installed no
//! span is made at all, and the caller's context passes through untouched.
//!
//! The layer must not decide about sampling: the caller's flag or the SDK's sampler does. An unsampled
//! request leaves with the headers it came with, so no flag is written that nobody asked for. Keys are
//! attributes of exported spans, never fields: a field would reach the log.

mod attributes;
mod error;
mod future;
mod layer;
mod policy;
mod propagation;
mod service;
mod span;
#[cfg(test)]
mod tests;
mod upstream;

pub use error::ErrorType;
pub use future::TraceFuture;
pub use layer::TraceLayer;
pub use policy::{Client, RouteOf, Server, SpanPolicy};
pub use service::Trace;
pub use span::OpenSpan;
pub use upstream::Upstream;

/// A body whose span ends with it.
pub type TracedBody<B> = crate::body::GuardedBody<B, OpenSpan>;

/// Target of every request span, for subscribers that filter by target.
pub const TARGET: &str = "kivi_layers::trace";

/// Which attempt a request upstream is, as a request extension: absent or 0 is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResendCount(pub u32);
