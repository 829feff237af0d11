//! The bounded label sets.

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;

/// Labels of the duration. `error_type` follows the conventions: the status of a 5xx, else the name of
/// what went wrong, else empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DurationLabels {
    /// `http.request.method`, a method nobody knows is `_OTHER`.
    pub http_request_method: &'static str,
    /// `http.route`, empty without one.
    pub http_route: &'static str,
    /// `http.response.status_code`, 0 when the client left before there was one.
    pub http_response_status_code: u16,
    /// `error.type`.
    pub error_type: &'static str,
}

/// Labels of the requests in flight.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ActiveLabels {
    /// `http.request.method`, a method nobody knows is `_OTHER`.
    pub http_request_method: &'static str,
}

/// The method of a fixed set, so that a client cannot make series.
pub(super) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::HEAD => "HEAD",
        Method::DELETE => "DELETE",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}
