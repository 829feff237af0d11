//! The clock of one request.

use http::StatusCode;
use tokio::time::Instant;

use super::{ActiveLabels, DurationLabels, HttpMetrics, Unfinished};
use crate::body::Guard;

/// One request's running clock: it stops, and is counted, when this is dropped.
#[derive(Debug)]
pub struct Clock {
    metrics: HttpMetrics,
    started: Instant,
    labels: DurationLabels,
}

impl Clock {
    pub(super) fn start(metrics: HttpMetrics, method: &'static str, route: &'static str) -> Self {
        let active = ActiveLabels { http_request_method: method };
        metrics.active.get_or_create(&active).inc();
        Self {
            metrics,
            started: Instant::now(),
            labels: DurationLabels {
                http_request_method: method,
                http_route: route,
                http_response_status_code: 0,
                error_type: Unfinished::Cancelled.as_str(),
            },
        }
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        self.labels.http_response_status_code = status.as_u16();
        self.labels.error_type = server_error(status);
    }

    pub(super) fn unfinished(&mut self, how: Unfinished) {
        self.labels.error_type = how.as_str();
    }
}

/// The statuses this project's processes and common servers answer failures with, as fixed words.
pub(super) fn server_error(status: StatusCode) -> &'static str {
    match status.as_u16() {
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        507 => "507",
        501 | 505.. => "5xx",
        _ => "",
    }
}

impl Guard for Clock {
    fn failed(&mut self) {
        self.unfinished(Unfinished::ResponseBody);
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let active = ActiveLabels { http_request_method: self.labels.http_request_method };
        self.metrics.active.get_or_create(&active).dec();
        self.metrics.duration.get_or_create(&self.labels).observe(self.started.elapsed().as_secs_f64());
    }
}
