//! Requests of Kivi's REST API, which the Go map server has too.

use std::net::SocketAddr;

use super::value;
use crate::client::{KeySpace, Requests};

pub(super) fn get(address: SocketAddr, keys: usize) -> Requests {
    Requests::new("GET /v1/", KeySpace::plain(keys), format!(" HTTP/1.1\r\nHost: {address}\r\n\r\n"))
}

pub(super) fn put(address: SocketAddr, keys: usize, value: &str) -> Requests {
    let length = value.len();
    let after = format!(" HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{value}");
    Requests::new("PUT /v1/", KeySpace::plain(keys), after)
}

/// Reads and writes of 100,000 keys with values of 256 bytes.
pub(crate) fn requests(address: SocketAddr) -> (Requests, Requests) {
    const KEYS: usize = 100_000;
    (get(address, KEYS), put(address, KEYS, &value(256)))
}
