//! A stored answer as bytes.

use http::header;
use kivi_layers::cache::{Hit, is_guessed};
use kivi_process::serve::Answer;

/// Room for its head, in bytes.
const HEAD: usize = 1 << 10;

/// Writes a stored answer; `serves_store`: as that of a store, which is current and does not say so.
pub(super) fn lend(hit: &Hit, serves_store: bool, answer: &mut Answer<'_>) {
    let (headers, body) = (hit.headers(), hit.body());
    answer.reserve(HEAD + body.len());
    answer.status(hit.status());
    let (mut dated, mut measured) = (false, false);
    for (name, value) in headers.iter().filter(|(name, _)| *name != header::AGE) {
        dated |= name == header::DATE;
        measured |= name == header::CONTENT_LENGTH;
        answer.field(name.as_str(), value.as_bytes());
    }
    if serves_store && is_guessed(hit.status(), headers) {
        answer.add(b"cache-control: no-cache\r\n");
    }
    if !measured {
        answer.add(b"content-length: ");
        answer.add_number(body.len() as u64);
        answer.add(b"\r\n");
    }
    answer.add(b"age: ");
    answer.add_number(hit.age());
    answer.add(b"\r\ncache-status: kivi; hit; ttl=");
    answer.add_number(hit.ttl());
    answer.add(b"\r\n");
    if dated {
        answer.end_dated_head();
    } else {
        answer.end_head();
    }
    answer.add(body);
}
