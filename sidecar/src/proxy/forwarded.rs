//! The fields that tell the server who asked, and by which way.

use std::net::{IpAddr, SocketAddr};

use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{FORWARDED, VIA},
};
use kivi_layers::Peer;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Adds this hop to the request's way.
pub(super) fn add(headers: &mut HeaderMap, peer: Peer, host: Option<&HeaderValue>, version: Version) {
    let scheme = if peer.tls { "https" } else { "http" };
    if let Some(address) = peer.address {
        append(headers, &FOR, &address.ip().to_canonical().to_string());
    }
    headers.entry(PROTO).or_insert_with(|| HeaderValue::from_static(scheme));
    if let Some(host) = host {
        headers.entry(HOST).or_insert_with(|| host.clone());
    }
    if headers.contains_key(FORWARDED) {
        let host = host.map(|host| format!("host=\"{}\";", String::from_utf8_lossy(host.as_bytes())));
        let host = host.unwrap_or_default();
        append(headers, &FORWARDED, &format!("for={};{host}proto={scheme}", node(peer.address)));
    }
    append(headers, &VIA, via(version));
}

/// A list stays one field, so that no reader sees only its first line.
fn append(headers: &mut HeaderMap, name: &HeaderName, element: &str) {
    let lines: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let mut list = lines.join(&b", "[..]);
    if !list.is_empty() {
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(element.as_bytes());
    // The parts were field values, and so is what they join to.
    if let Ok(list) = HeaderValue::from_bytes(&list) {
        headers.insert(name, list);
    }
}

/// RFC 7239, section 6: IPv6 addresses are quoted and in brackets, a peer without an address is unknown.
fn node(address: Option<SocketAddr>) -> String {
    match address.map(|address| address.ip().to_canonical()) {
        Some(IpAddr::V4(v4)) => v4.to_string(),
        Some(IpAddr::V6(v6)) => format!("\"[{v6}]\""),
        None => "unknown".to_owned(),
    }
}

/// RFC 9110, section 7.6.3: the version in which the message came, and who received it.
fn via(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0 kivi",
        Version::HTTP_2 => "2 kivi",
        _ => "1.1 kivi",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(fields: &[(&'static str, &str)], peer: &str) -> HeaderMap {
        let pairs =
            fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut headers: HeaderMap = pairs.collect();
        let peer = Peer { address: Some(peer.parse().unwrap()), tls: true };
        add(&mut headers, peer, Some(&HeaderValue::from_static("kivi.example")), Version::HTTP_2);
        headers
    }

    #[test]
    fn a_first_hop_says_who_asked() {
        let headers = added(&[], "10.0.0.9:5");
        assert_eq!(headers["x-forwarded-for"], "10.0.0.9");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["x-forwarded-host"], "kivi.example");
        assert_eq!(headers["via"], "2 kivi");
        assert!(!headers.contains_key("forwarded"));
    }

    #[test]
    fn a_further_hop_appends_and_keeps_what_the_outer_knew() {
        let fields = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("forwarded", "for=203.0.113.9"),
            ("via", "1.1 edge"),
        ];
        let headers = added(&fields, "[2001:db8::1]:5");
        assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 10.0.0.1, 2001:db8::1");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(
            headers["forwarded"],
            "for=203.0.113.9, for=\"[2001:db8::1]\";host=\"kivi.example\";proto=https"
        );
        assert_eq!(headers["via"], "1.1 edge, 2 kivi");
    }
}
