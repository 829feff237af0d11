//! The layer's configuration.

use tower::Layer;

use super::{HttpMetrics, Metrics};
use crate::trace::RouteOf;

/// Measures each request.
#[derive(Debug, Clone)]
pub struct MetricsLayer {
    metrics: HttpMetrics,
    route: RouteOf,
}

impl MetricsLayer {
    /// `route` gives the fixed template of a path, the same as the trace layer's.
    pub fn new(metrics: HttpMetrics, route: RouteOf) -> Self {
        Self { metrics, route }
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Metrics<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Metrics::new(inner, self.metrics.clone(), self.route)
    }
}
