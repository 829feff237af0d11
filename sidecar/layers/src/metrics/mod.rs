//! Request metrics by OpenTelemetry's semantic conventions, in their Prometheus names.
//!
//! `http_server_request_duration_seconds` (to the end of the response body) and
//! `http_server_active_requests`. Labels are bounded: the method of a fixed set, the status code, the
//! route's template; never a path or a key.

mod clock;
mod error;
mod future;
mod labels;
mod layer;
mod policy;
mod recorder;
mod service;

pub use clock::Clock;
pub use error::Unfinished;
pub use future::MetricsFuture;
pub use labels::{ActiveLabels, DurationLabels};
pub use layer::MetricsLayer;
pub use policy::HttpMetrics;
pub use recorder::{Recorder, Recording};
pub use service::Metrics;

/// A body whose clock stops with it.
pub type MeasuredBody<B> = crate::body::GuardedBody<B, Clock>;
