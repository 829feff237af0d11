//! The layer under a real OpenTelemetry SDK whose exporter keeps what it is given.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};
use parking_lot::Mutex;
use tower::{Layer, Service, ServiceExt, service_fn};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use super::{TraceLayer, Upstream};
use crate::Peer;

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().extend(batch);
        Ok(())
    }
}

impl Kept {
    fn one(&self, kind: &SpanKind) -> SpanData {
        let spans = self.0.lock();
        let mut of_kind = spans.iter().filter(|span| span.span_kind == *kind);
        let span = of_kind.next().expect("a span of the kind").clone();
        assert!(of_kind.next().is_none(), "one span of the kind");
        span
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|a| a.key.as_str() == key)?;
    Some(found.value.to_string())
}

fn exporting(sampler: Sampler) -> (Kept, DefaultGuard) {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(sampler)))
        .with_simple_exporter(kept.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    (kept, guard)
}

fn route(path: &str) -> Option<&'static str> {
    path.starts_with("/v1/").then_some("/v1/{key}")
}

type Sent = Arc<Mutex<Option<http::HeaderMap>>>;

/// A server that answers `status` after it sent a request upstream; returns the headers it sent.
async fn pass(status: StatusCode, request: Request<Empty<Bytes>>) -> (Response<Bytes>, http::HeaderMap) {
    let sent = Sent::default();
    let seen = Arc::clone(&sent);
    let upstream = service_fn(move |request: Request<Empty<Bytes>>| {
        *seen.lock() = Some(request.headers().clone());
        let answer = Response::builder().status(status).body(Full::new(Bytes::from("value")));
        async move { Ok::<_, Infallible>(answer.unwrap()) }
    });
    let client = TraceLayer::client(Upstream::new("http://127.0.0.1:8080", "127.0.0.1", Some(8080)));
    let mut stack = TraceLayer::server(route, |_| Peer::default()).layer(client.layer(upstream));
    let response = stack.ready().await.unwrap().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let headers = sent.lock().take().unwrap();
    (Response::from_parts(head, body), headers)
}

fn get(traceparent: Option<&str>) -> Request<Empty<Bytes>> {
    let mut request = Request::get("/v1/some-key?x=1");
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    request.body(Empty::new()).unwrap()
}

#[tokio::test]
async fn one_trace_goes_through_server_and_client() {
    let (kept, _guard) = exporting(Sampler::AlwaysOff);
    let mut request = get(Some(SAMPLED));
    request.headers_mut().append("tracestate", "a=1".parse().unwrap());
    request.headers_mut().append("tracestate", "b=2".parse().unwrap());
    let (response, sent) = pass(StatusCode::OK, request).await;
    assert_eq!(response.body(), "value");

    let (server, client) = (kept.one(&SpanKind::Server), kept.one(&SpanKind::Client));
    assert_eq!(server.name, "GET /v1/{key}");
    assert_eq!(attribute(&server, "http.route").as_deref(), Some("/v1/{key}"));
    assert_eq!(attribute(&server, "url.path").as_deref(), Some("/v1/some-key"));
    assert_eq!(attribute(&server, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(server.status, Status::Unset);
    assert_eq!(server.span_context.trace_id().to_string(), TRACE_ID);
    assert_eq!(server.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert_eq!(client.name, "GET");
    assert_eq!(client.parent_span_id, server.span_context.span_id());
    let expected = format!("00-{TRACE_ID}-{}-01", client.span_context.span_id());
    assert_eq!(sent["traceparent"], expected.as_str());
    assert_eq!(sent["tracestate"], "a=1,b=2");
}

#[tokio::test]
async fn a_callers_no_is_kept_as_it_came() {
    let (kept, _guard) = exporting(Sampler::AlwaysOn);
    let (_, sent) = pass(StatusCode::OK, get(Some(UNSAMPLED))).await;
    assert_eq!(sent["traceparent"], UNSAMPLED);
    assert!(kept.0.lock().is_empty());
}

#[tokio::test]
async fn no_flag_is_written_that_nobody_asked_for() {
    let (kept, _guard) = exporting(Sampler::AlwaysOff);
    let (_, sent) = pass(StatusCode::OK, get(None)).await;
    assert!(!sent.contains_key("traceparent"));
    assert!(kept.0.lock().is_empty());
}

#[tokio::test]
async fn without_an_exporter_the_context_passes_untouched() {
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry());
    let (_, sent) = pass(StatusCode::OK, get(Some(SAMPLED))).await;
    assert_eq!(sent["traceparent"], SAMPLED);
}

#[tokio::test]
async fn a_4xx_is_the_clients_error_and_a_5xx_both_sides() {
    for (status, server_fails) in [(StatusCode::NOT_FOUND, false), (StatusCode::SERVICE_UNAVAILABLE, true)] {
        let (kept, _guard) = exporting(Sampler::AlwaysOn);
        pass(status, get(None)).await;
        let (server, client) = (kept.one(&SpanKind::Server), kept.one(&SpanKind::Client));
        assert_eq!(client.status, Status::error(""), "{status}");
        assert_eq!(server.status == Status::error(""), server_fails, "{status}");
        assert_eq!(attribute(&client, "error.type").as_deref(), Some(status.as_str()));
    }
}

#[tokio::test]
async fn the_span_lasts_as_long_as_the_body() {
    let (kept, _guard) = exporting(Sampler::AlwaysOn);
    let service = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("v"))))
    });
    let stack = TraceLayer::server(|_| None, |_| Peer::default()).layer(service);
    let response = stack.oneshot(Request::get("/any/path").body(()).unwrap()).await;
    let body = response.unwrap().into_body();
    assert!(kept.0.lock().is_empty(), "the body is still to come");
    body.collect().await.unwrap();
    assert_eq!(kept.one(&SpanKind::Server).name, "GET");
}
