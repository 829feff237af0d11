//! The metrics of requests that pass no layer: one kind of them, with its series found once.

use std::sync::OnceLock;

use http::StatusCode;
use prometheus_client::metrics::{gauge::Gauge, histogram::Histogram};
use tokio::time::Instant;

use super::{ActiveLabels, DurationLabels, HttpMetrics, Unfinished};

/// Records requests of one method and route that are answered with one status.
#[derive(Debug)]
pub struct Recorder {
    metrics: HttpMetrics,
    labels: DurationLabels,
    /// Found at the first request: a series that nothing happened in says nothing.
    series: OnceLock<(Gauge, Histogram)>,
}

/// A request under way. Dropped before it is answered, it counts as cancelled.
#[derive(Debug)]
#[must_use]
pub struct Recording<'r> {
    recorder: &'r Recorder,
    active: &'r Gauge,
    duration: &'r Histogram,
    started: Instant,
    answered: bool,
}

impl HttpMetrics {
    /// A recorder of its own for the requests of this method and route that get this status.
    pub fn recorder(&self, method: &'static str, route: &'static str, status: StatusCode) -> Recorder {
        let labels = DurationLabels {
            http_request_method: method,
            http_route: route,
            http_response_status_code: status.as_u16(),
            error_type: "",
        };
        Recorder { metrics: self.clone(), labels, series: OnceLock::new() }
    }
}

impl Recorder {
    /// A request began then.
    pub fn begin(&self, started: Instant) -> Recording<'_> {
        let (active, duration) = self.series.get_or_init(|| {
            let active = ActiveLabels { http_request_method: self.labels.http_request_method };
            let active = self.metrics.active.get_or_create(&active).clone();
            (active, self.metrics.duration.get_or_create(&self.labels).clone())
        });
        active.inc();
        Recording { recorder: self, active, duration, started, answered: false }
    }
}

impl Recording<'_> {
    /// It was answered with the recorder's status.
    pub fn answered(mut self) {
        self.answered = true;
        self.duration.observe(self.started.elapsed().as_secs_f64());
    }

    /// It was answered with another one.
    pub fn failed(mut self, status: StatusCode) {
        self.answered = true;
        self.record(status.as_u16(), super::service::server_error(status));
    }

    fn record(&self, status: u16, error_type: &'static str) {
        let Recorder { metrics, labels, .. } = self.recorder;
        let labels = DurationLabels { http_response_status_code: status, error_type, ..labels.clone() };
        metrics.duration.get_or_create(&labels).observe(self.started.elapsed().as_secs_f64());
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        self.active.dec();
        if !self.answered {
            self.record(0, Unfinished::Cancelled.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::{encoding::text::encode, registry::Registry};

    use super::*;

    #[test]
    fn a_request_is_counted_once_under_what_came_of_it() {
        let mut registry = Registry::default();
        let recorder = HttpMetrics::register(&mut registry).recorder("PUT", "/v1/{key}", StatusCode::CREATED);
        let begin = || recorder.begin(Instant::now());
        begin().answered();
        begin().failed(StatusCode::INSUFFICIENT_STORAGE);
        drop(begin());
        let _under_way = begin();
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for (status, error) in [("201", ""), ("507", "507"), ("0", "cancelled")] {
            let series = format!(
                "_count{{http_request_method=\"PUT\",http_route=\"/v1/{{key}}\",http_response_status_code=\"{status}\",error_type=\"{error}\"}} 1"
            );
            assert!(text.contains(&series), "{series} is not in {text}");
        }
        assert!(text.contains("http_server_active_requests{http_request_method=\"PUT\"} 1"), "{text}");
    }
}
