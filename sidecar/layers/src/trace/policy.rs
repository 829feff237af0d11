//! What a span is for: a request that is served, or one that is sent upstream.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::{Request, StatusCode};
use opentelemetry::trace::TraceContextExt;
use tracing::{Span, field, info_span};
use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError};

use super::{TARGET, attributes, propagation, upstream::Upstream};
use crate::PeerOf;

/// The fixed template of a path, as in `/v1/{key}`; none where the path has none. Never the path itself:
/// span names and metrics must stay few.
pub type RouteOf = fn(&str) -> Option<&'static str>;

/// How to open a span for a request, and which answers are failures of it.
pub trait SpanPolicy {
    /// The open span; none when nobody records it.
    fn open<B>(&self, request: &mut Request<B>) -> Option<Span>;

    /// Whether this status is an error of the span's side.
    fn is_error(&self, status: StatusCode) -> bool;
}

/// Whether request spans are exported at all; learned from the first one.
#[derive(Debug, Clone)]
struct Exported(Arc<AtomicBool>);

impl Exported {
    fn unknown() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    fn may_be(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn is_not(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Spans of requests that are served. 5xx is this side's error, 4xx the client's.
#[derive(Debug, Clone)]
pub struct Server {
    route: RouteOf,
    peer: PeerOf,
    exported: Exported,
}

impl Server {
    pub(super) fn new(route: RouteOf, peer: PeerOf) -> Self {
        let exported = Exported::unknown();
        Self { route, peer, exported }
    }
}

impl SpanPolicy for Server {
    fn open<B>(&self, request: &mut Request<B>) -> Option<Span> {
        if !self.exported.may_be() {
            return None;
        }
        let (method, verb) = attributes::method_names(request.method());
        let route = (self.route)(request.uri().path());
        let span = info_span!(
            target: TARGET,
            parent: None,
            "request",
            otel.name = field::Empty,
            otel.kind = "server",
            http.request.method = method,
            http.route = route,
        );
        match span.set_parent(propagation::extract(request.headers())) {
            Ok(()) | Err(SetParentError::AlreadyStarted) => {}
            Err(SetParentError::LayerNotFound) => {
                self.exported.is_not();
                return None;
            }
            Err(SetParentError::SpanDisabled) => return None,
        }
        match route {
            Some(route) => span.record("otel.name", format_args!("{verb} {route}").to_string()),
            None => span.record("otel.name", verb),
        };
        if span.context().span().span_context().is_sampled() {
            for attribute in attributes::server(request, (self.peer)(request.extensions())) {
                span.set_attribute(attribute.key, attribute.value);
            }
        }
        Some(span)
    }

    fn is_error(&self, status: StatusCode) -> bool {
        status.is_server_error()
    }
}

/// Spans of requests that are sent upstream, as children of the current span. 4xx and 5xx are errors.
#[derive(Debug, Clone)]
pub struct Client {
    upstream: Arc<Upstream>,
    exported: Exported,
}

impl Client {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self { upstream: Arc::new(upstream), exported: Exported::unknown() }
    }
}

impl SpanPolicy for Client {
    fn open<B>(&self, request: &mut Request<B>) -> Option<Span> {
        if !self.exported.may_be() {
            return None;
        }
        let (method, verb) = attributes::method_names(request.method());
        let span = info_span!(
            target: TARGET,
            "upstream request",
            otel.name = verb,
            otel.kind = "client",
            http.request.method = method,
        );
        if span.is_disabled() {
            return None;
        }
        let context = span.context();
        if !context.span().span_context().is_valid() {
            self.exported.is_not();
            return None;
        }
        if context.span().span_context().is_sampled() {
            for attribute in attributes::client(request, &self.upstream) {
                span.set_attribute(attribute.key, attribute.value);
            }
            propagation::inject(&context, request.headers_mut());
        }
        Some(span)
    }

    fn is_error(&self, status: StatusCode) -> bool {
        status.is_client_error() || status.is_server_error()
    }
}
