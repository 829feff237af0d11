//! One request is one trace, from the sidecar to the server, in a real Jaeger.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use kivi_tests::jaeger::Jaeger;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::stage::Stage;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn a_callers_trace_holds_the_sidecar_and_the_server() {
    let stage = Stage::open("tracing").await;
    let jaeger = Jaeger::deploy(&stage.kubectl).await.unwrap();
    let spec = format!("{{sidecar: {{tracing: {{endpoint: \"{}\"}}}}}}", jaeger.otlp_endpoint());
    let store = stage.ready_store("orders", &spec).await;

    let mut headers = HeaderMap::new();
    let parent = format!("00-{TRACE}-{CALLER}-01");
    headers.insert("traceparent", HeaderValue::from_str(&parent).unwrap());
    let client = store.client().unwrap();
    client.request(Method::PUT, "/v1/traced", headers, "value".into()).await.unwrap();

    let deadline = Instant::now() + Duration::from_secs(60);
    let spans = loop {
        let spans = jaeger.spans(TRACE).await.unwrap();
        let services: Vec<_> =
            spans.iter().map(|span| span["service"].as_str().unwrap_or_default()).collect();
        if services.contains(&"kivi-sidecar") && services.contains(&"kivi-server") {
            break spans;
        }
        assert!(Instant::now() < deadline, "the trace holds only {spans:?}");
        sleep(Duration::from_millis(500)).await;
    };
    let server = spans.iter().find(|span| span["service"] == "kivi-server").unwrap();
    assert_eq!(server["operation"], "PUT /v1/{key}");
    // From the server's span upwards, every parent is in the trace, up to the caller's own span.
    let mut parent = server["parent"].as_str().unwrap().to_owned();
    let mut services = vec!["kivi-server".to_owned()];
    while parent != CALLER {
        let span: &Value =
            spans.iter().find(|span| span["id"] == parent.as_str()).expect("a parent is missing");
        services.push(span["service"].as_str().unwrap().to_owned());
        parent = span["parent"].as_str().expect("a span without a parent").to_owned();
    }
    assert!(services.contains(&"kivi-sidecar".to_owned()), "the server's span hangs below {services:?}");
}
