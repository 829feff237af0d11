//! A request as attributes, by OpenTelemetry's semantic conventions for HTTP spans. Pure.

use std::borrow::Cow;

use http::{HeaderMap, Method, Request, Version, header};
use opentelemetry::KeyValue;

use super::{ResendCount, upstream::Upstream};
use crate::Peer;

/// Query fields whose values are credentials; the conventions name these four.
const SECRET_QUERY_KEYS: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// The method as an attribute value and as the first word of a span's name: known ones as they are.
pub(super) fn method_names(method: &Method) -> (&str, &str) {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::PUT,
        Method::HEAD,
        Method::DELETE,
        Method::POST,
        Method::PATCH,
        Method::OPTIONS,
        Method::CONNECT,
        Method::TRACE,
    ];
    if KNOWN.contains(method) { (method.as_str(), method.as_str()) } else { ("_OTHER", "HTTP") }
}

/// Attributes of a SERVER span but method and route, which are fields of the span itself.
pub(super) fn server<B>(request: &Request<B>, peer: Peer) -> Vec<KeyValue> {
    let (uri, headers) = (request.uri(), request.headers());
    let mut attributes = Vec::with_capacity(12);
    attributes.push(KeyValue::new("url.path", uri.path().to_owned()));
    attributes.push(KeyValue::new("url.scheme", if peer.tls { "https" } else { "http" }));
    if let Some(query) = uri.query() {
        attributes.push(KeyValue::new("url.query", redacted(query).into_owned()));
    }
    if let Some((host, port)) = server_authority(request) {
        attributes.push(KeyValue::new("server.address", host));
        attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
    }
    if let Some(address) = peer.address {
        attributes.push(KeyValue::new("network.peer.address", address.ip().to_string()));
        attributes.push(KeyValue::new("network.peer.port", i64::from(address.port())));
    }
    if let Some(client) = client_address(headers).or_else(|| Some(peer.address?.ip().to_string())) {
        attributes.push(KeyValue::new("client.address", client));
    }
    if let Some(agent) = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()) {
        attributes.push(KeyValue::new("user_agent.original", agent.to_owned()));
    }
    push_common(request, &mut attributes);
    attributes
}

/// Attributes of a CLIENT span but the method.
pub(super) fn client<B>(request: &Request<B>, upstream: &Upstream) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(7);
    let path = request.uri().path();
    let full = match request.uri().query() {
        None => format!("{}{path}", upstream.base),
        Some(query) => format!("{}{path}?{}", upstream.base, redacted(query)),
    };
    attributes.push(KeyValue::new("url.full", full));
    attributes.push(KeyValue::new("server.address", upstream.address.clone()));
    attributes.extend(upstream.port.map(|port| KeyValue::new("server.port", i64::from(port))));
    if let Some(ResendCount(count @ 1..)) = request.extensions().get() {
        attributes.push(KeyValue::new("http.request.resend_count", i64::from(*count)));
    }
    push_common(request, &mut attributes);
    attributes
}

fn push_common<B>(request: &Request<B>, attributes: &mut Vec<KeyValue>) {
    let version = match request.version() {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    };
    attributes.push(KeyValue::new("network.protocol.version", version));
    if method_names(request.method()).0 == "_OTHER" {
        attributes.push(KeyValue::new("http.request.method_original", request.method().as_str().to_owned()));
    }
}

/// Host and port the client asked for: `X-Forwarded-Host`, else the request target, else `Host`.
fn server_authority<B>(request: &Request<B>) -> Option<(String, Option<u16>)> {
    let text = |name: &str| request.headers().get(name)?.to_str().ok();
    let authority = match text("x-forwarded-host") {
        Some(forwarded) => forwarded.split(',').next()?.trim(),
        None => match request.uri().authority() {
            Some(authority) => authority.as_str(),
            None => text("host")?,
        },
    };
    let authority: http::uri::Authority = authority.parse().ok()?;
    Some((authority.host().to_owned(), authority.port_u16()))
}

/// The first address of `X-Forwarded-For`, which is the one the first proxy saw.
fn client_address(headers: &HeaderMap) -> Option<String> {
    let list = headers.get("x-forwarded-for")?.to_str().ok()?;
    let first = list.split(',').next()?.trim();
    (!first.is_empty()).then(|| first.to_owned())
}

fn redacted(query: &str) -> Cow<'_, str> {
    let secret = |pair: &str| pair.split_once('=').is_some_and(|(key, _)| SECRET_QUERY_KEYS.contains(&key));
    if !query.split('&').any(secret) {
        return Cow::Borrowed(query);
    }
    let pairs: Vec<Cow<'_, str>> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if secret(pair) => Cow::Owned(format!("{key}=REDACTED")),
            _ => Cow::Borrowed(pair),
        })
        .collect();
    Cow::Owned(pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(attributes: &[KeyValue], key: &str) -> Option<String> {
        let found = attributes.iter().find(|attribute| attribute.key.as_str() == key)?;
        Some(found.value.to_string())
    }

    #[test]
    fn a_server_span_names_both_ends() {
        let request = Request::get("/v1/a%20b?x=1&sig=secret")
            .header("host", "kivi.example:8443")
            .header("x-forwarded-for", "203.0.113.9, 10.0.0.1")
            .header("user-agent", "curl/8")
            .body(())
            .unwrap();
        let peer = Peer { address: Some("10.0.0.1:5000".parse().unwrap()), tls: true };
        let attributes = server(&request, peer);
        for (key, expected) in [
            ("url.path", "/v1/a%20b"),
            ("url.query", "x=1&sig=REDACTED"),
            ("url.scheme", "https"),
            ("server.address", "kivi.example"),
            ("server.port", "8443"),
            ("client.address", "203.0.113.9"),
            ("network.peer.address", "10.0.0.1"),
            ("user_agent.original", "curl/8"),
            ("network.protocol.version", "1.1"),
        ] {
            assert_eq!(value(&attributes, key).as_deref(), Some(expected), "{key}");
        }
    }

    #[test]
    fn an_unknown_method_is_bounded_in_the_name_and_kept_in_the_attributes() {
        let method = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(method_names(&method), ("_OTHER", "HTTP"));
        let request = Request::builder().method(method).uri("/").body(()).unwrap();
        let attributes = server(&request, Peer::default());
        assert_eq!(value(&attributes, "http.request.method_original").as_deref(), Some("BREW"));
    }

    #[test]
    fn a_client_span_counts_its_resends() {
        let upstream = Upstream::new("http://127.0.0.1:8080", "127.0.0.1", Some(8080));
        let mut request = Request::get("/v1/k").body(()).unwrap();
        assert_eq!(value(&client(&request, &upstream), "http.request.resend_count"), None);
        request.extensions_mut().insert(ResendCount(1));
        let attributes = client(&request, &upstream);
        assert_eq!(value(&attributes, "url.full").as_deref(), Some("http://127.0.0.1:8080/v1/k"));
        assert_eq!(value(&attributes, "http.request.resend_count").as_deref(), Some("1"));
    }
}
