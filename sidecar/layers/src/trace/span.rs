//! A span that lasts until its response body ends.

use http::StatusCode;
use opentelemetry::trace::Status;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::body::Guard;

/// An open span; it ends when this is dropped.
#[derive(Debug)]
pub struct OpenSpan(pub(super) Span);

impl OpenSpan {
    pub(super) fn answered(&self, status: StatusCode, is_error: bool) {
        self.0.set_attribute("http.response.status_code", i64::from(status.as_u16()));
        if is_error {
            self.failed_as(status.as_str().to_owned());
        }
    }

    /// No description: the conventions want none where `error.type` says it.
    pub(super) fn failed_as(&self, error_type: impl Into<opentelemetry::Value>) {
        self.0.set_attribute("error.type", error_type);
        self.0.set_status(Status::error(""));
    }
}

impl Guard for OpenSpan {
    fn failed(&mut self) {
        self.failed_as("response_body");
    }
}
