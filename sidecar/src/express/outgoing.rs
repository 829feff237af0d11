//! The bytes of a plain GET to the server: what the proxy's layer would have sent. Pure.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use kivi_process::serve::PlainRequest;

/// The request as it goes on: behind `prefix`, without what is for this hop, and without `Authorization` where that was
/// `ours`; with the fields that tell the server who asked.
pub(super) fn outgoing(
    request: &PlainRequest<'_>,
    prefix: &str,
    ours: bool,
    address: Option<SocketAddr>,
    tls: bool,
) -> Bytes {
    let mut bytes = Vec::with_capacity(512);
    let mut add = |parts: &[&[u8]]| parts.iter().for_each(|part| bytes.extend_from_slice(part));
    add(&[b"GET ", prefix.as_bytes(), request.target.as_bytes(), b" HTTP/1.1\r\n"]);
    let mut host = None;
    for (name, value) in request.fields() {
        match name.len() {
            10 if name.eq_ignore_ascii_case("connection") => continue,
            13 if ours && name.eq_ignore_ascii_case("authorization") => continue,
            4 if name.eq_ignore_ascii_case("host") => host = Some(value),
            _ => {}
        }
        add(&[name.as_bytes(), b": ", value, b"\r\n"]);
    }
    if let Some(address) = address {
        add(&[b"x-forwarded-for: "]);
        match address.ip().to_canonical() {
            IpAddr::V4(address) => {
                for (index, octet) in address.octets().into_iter().enumerate() {
                    let point: &[u8] = if index == 0 { b"" } else { b"." };
                    add(&[point, itoa::Buffer::new().format(octet).as_bytes()]);
                }
            }
            IpAddr::V6(address) => add(&[address.to_string().as_bytes()]),
        }
        add(&[b"\r\n"]);
    }
    if let Some(host) = host {
        add(&[b"x-forwarded-host: ", host, b"\r\n"]);
    }
    let proto: &[u8] = if tls { b"https" } else { b"http" };
    add(&[b"x-forwarded-proto: ", proto, b"\r\nvia: 1.1 kivi\r\n\r\n"]);
    bytes.into()
}
