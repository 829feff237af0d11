//! The layer's service.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower::Service;

use super::{HttpMetrics, MeasuredBody, MetricsFuture, clock::Clock, labels};
use crate::trace::RouteOf;

/// Measures each request from its head to the end of its answer's body.
#[derive(Debug, Clone)]
pub struct Metrics<S> {
    inner: S,
    http: HttpMetrics,
    route: RouteOf,
}

impl<S> Metrics<S> {
    pub(super) fn new(inner: S, metrics: HttpMetrics, route: RouteOf) -> Self {
        Self { inner, http: metrics, route }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Metrics<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<MeasuredBody<ResBody>>;
    type Error = S::Error;
    type Future = MetricsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let clock = Clock::start(
            self.http.clone(),
            labels::method(request.method()),
            (self.route)(request.uri().path()).unwrap_or_default(),
        );
        MetricsFuture::new(clock, self.inner.call(request))
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use bytes::Bytes;
    use http::Method;
    use http_body_util::{BodyExt, Full};
    use prometheus_client::{encoding::text::encode, registry::Registry};
    use tower::{Layer, ServiceExt, service_fn};

    use super::super::MetricsLayer;
    use super::*;

    fn text(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_active_until_its_body_ends_and_is_counted_once() {
        let mut registry = Registry::default();
        let layer = MetricsLayer::new(HttpMetrics::register(&mut registry), |_| Some("/v1/{key}"));
        let service = service_fn(|_: Request<()>| async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("v"))))
        });
        let request = Request::get("/v1/secret-key").body(()).unwrap();
        let response = layer.layer(service).oneshot(request).await.unwrap();
        assert!(text(&registry).contains("http_server_active_requests{http_request_method=\"GET\"} 1"));
        response.into_body().collect().await.unwrap();

        let text = text(&registry);
        assert!(text.contains("http_server_active_requests{http_request_method=\"GET\"} 0"));
        let series = "http_request_method=\"GET\",http_route=\"/v1/{key}\",http_response_status_code=\"200\",error_type=\"\"";
        assert!(
            text.contains(&format!("http_server_request_duration_seconds_count{{{series}}} 1")),
            "{text}"
        );
        assert!(
            text.contains(&format!("http_server_request_duration_seconds_bucket{{le=\"0.025\",{series}}} 0")),
            "{text}"
        );
        assert!(
            text.contains(&format!("http_server_request_duration_seconds_bucket{{le=\"0.05\",{series}}} 1")),
            "{text}"
        );
        assert!(!text.contains("secret-key"));
    }

    #[tokio::test]
    async fn a_client_that_leaves_is_counted_as_cancelled_and_methods_are_bounded() {
        let mut registry = Registry::default();
        let layer = MetricsLayer::new(HttpMetrics::register(&mut registry), |_| None);
        let never =
            service_fn(|_: Request<()>| std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>());
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(b"BREW").unwrap();
        drop(layer.layer(never).call(request));
        let text = text(&registry);
        assert!(
            text.contains(
                "_count{http_request_method=\"_OTHER\",http_route=\"\",http_response_status_code=\"0\",error_type=\"cancelled\"} 1"
            ),
            "{text}"
        );
    }
}
