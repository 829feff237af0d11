//! W3C trace context between HTTP headers and OpenTelemetry, by the globally installed propagator.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context, global,
    propagation::{Extractor, Injector},
};

const TRACESTATE: &str = "tracestate";

/// The caller's context; empty when the request carries none or a malformed one.
pub(super) fn extract(headers: &HeaderMap) -> Context {
    let carrier = Incoming::new(headers);
    global::get_text_map_propagator(|propagator| propagator.extract_with_context(&Context::new(), &carrier))
}

/// Writes `context` in the place of the caller's.
pub(super) fn inject(context: &Context, headers: &mut HeaderMap) {
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(context, &mut Outgoing { headers });
    });
}

/// Headers as the propagator reads them. Several `tracestate` lines are one list (Trace Context 3.3).
struct Incoming<'a> {
    headers: &'a HeaderMap,
    tracestate: Option<String>,
}

impl<'a> Incoming<'a> {
    fn new(headers: &'a HeaderMap) -> Self {
        let mut lines = headers.get_all(TRACESTATE).iter();
        let tracestate = lines.nth(1).is_some().then(|| {
            let lines: Vec<_> =
                headers.get_all(TRACESTATE).iter().filter_map(|line| line.to_str().ok()).collect();
            lines.join(",")
        });
        Self { headers, tracestate }
    }
}

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match &self.tracestate {
            Some(joined) if key == TRACESTATE => Some(joined),
            _ => self.headers.get(key)?.to_str().ok(),
        }
    }

    fn keys(&self) -> Vec<&str> {
        self.headers.keys().map(HeaderName::as_str).collect()
    }
}

struct Outgoing<'a> {
    headers: &'a mut HeaderMap,
}

impl Injector for Outgoing<'_> {
    /// An empty value removes the field: an empty `tracestate` says nothing.
    fn set(&mut self, key: &str, value: String) {
        let Ok(name) = HeaderName::from_bytes(key.as_bytes()) else {
            return;
        };
        if value.is_empty() {
            self.headers.remove(name);
        } else if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.insert(name, value);
        }
    }
}
