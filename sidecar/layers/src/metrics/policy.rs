//! The metrics themselves.

use prometheus_client::{
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{ActiveLabels, DurationLabels};

/// Boundaries of `http.server.request.duration` in the semantic conventions, in seconds.
const BOUNDARIES: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The metrics of what a process serves over HTTP; a handle, cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    pub(super) duration: Family<DurationLabels, Histogram, fn() -> Histogram>,
    pub(super) active: Family<ActiveLabels, Gauge>,
}

impl HttpMetrics {
    /// Makes the metrics and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            duration: Family::new_with_constructor(|| Histogram::new(BOUNDARIES)),
            active: Family::default(),
        };
        registry.register_with_unit(
            "http_server_request_duration",
            "Time from a request's head to the end of its answer's body",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register(
            "http_server_active_requests",
            "Requests in flight, to the end of their answers' bodies",
            metrics.active.clone(),
        );
        metrics
    }
}
