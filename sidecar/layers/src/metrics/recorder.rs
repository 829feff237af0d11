//! The metrics of requests that pass no layer: one kind of them, with its series found once.

use std::ops::Deref;
use std::sync::OnceLock;

use http::StatusCode;
use prometheus_client::metrics::{gauge::Gauge, histogram::Histogram};
use tokio::time::Instant;

use super::{ActiveLabels, DurationLabels, HttpMetrics, Unfinished};
use crate::body::Guard;

/// Records requests of one method and route that are answered with one status.
#[derive(Debug)]
pub struct Recorder {
    metrics: HttpMetrics,
    labels: DurationLabels,
    /// Found at the first request: a series that nothing happened in says nothing.
    series: OnceLock<(Gauge, Histogram)>,
}

/// A request under way, counted when this is dropped: as cancelled, where no answer was noted.
#[derive(Debug)]
#[must_use]
pub struct Recording<R: Deref<Target = Recorder>> {
    recorder: R,
    started: Instant,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// With the recorder's status.
    Expected,
    /// With another one.
    Answered(StatusCode),
    /// There was no (whole) answer.
    Unfinished(u16, Unfinished),
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
    pub fn begin(&self, started: Instant) -> Recording<&Self> {
        Recording::begin(self, started)
    }

    fn series(&self) -> &(Gauge, Histogram) {
        self.series.get_or_init(|| {
            let active = ActiveLabels { http_request_method: self.labels.http_request_method };
            let active = self.metrics.active.get_or_create(&active).clone();
            (active, self.metrics.duration.get_or_create(&self.labels).clone())
        })
    }
}

impl<R: Deref<Target = Recorder>> Recording<R> {
    /// A request began then.
    pub fn begin(recorder: R, started: Instant) -> Self {
        recorder.series().0.inc();
        let outcome = Outcome::Unfinished(0, Unfinished::Cancelled);
        Self { recorder, started, outcome }
    }

    /// It was answered with the recorder's status.
    pub fn answered(mut self) {
        self.outcome = Outcome::Expected;
    }

    /// It was answered with another one.
    pub fn failed(mut self, status: StatusCode) {
        self.outcome = Outcome::Answered(status);
    }

    /// It is being answered with this status.
    pub fn begins(&mut self, status: StatusCode) {
        let expected = status.as_u16() == self.recorder.labels.http_response_status_code;
        self.outcome = if expected { Outcome::Expected } else { Outcome::Answered(status) };
    }
}

impl<R: Deref<Target = Recorder>> Guard for Recording<R> {
    fn failed(&mut self) {
        let status = match self.outcome {
            Outcome::Expected => self.recorder.labels.http_response_status_code,
            Outcome::Answered(status) => status.as_u16(),
            Outcome::Unfinished(status, _) => status,
        };
        self.outcome = Outcome::Unfinished(status, Unfinished::ResponseBody);
    }
}

impl<R: Deref<Target = Recorder>> Drop for Recording<R> {
    fn drop(&mut self) {
        let (active, duration) = self.recorder.series();
        active.dec();
        let elapsed = self.started.elapsed().as_secs_f64();
        let (status, error_type) = match self.outcome {
            Outcome::Expected => return duration.observe(elapsed),
            Outcome::Answered(status) => (status.as_u16(), super::clock::server_error(status)),
            Outcome::Unfinished(status, how) => (status, how.as_str()),
        };
        let Recorder { metrics, labels, .. } = &*self.recorder;
        let labels = DurationLabels { http_response_status_code: status, error_type, ..labels.clone() };
        metrics.duration.get_or_create(&labels).observe(elapsed);
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
