//! Whether what has come begins with a plain answer, and its head. Pure.
//!
//! Plain is what needs no more of HTTP than its fields and a length: HTTP/1.1, a final status, no coding of transfer, a
//! connection that stays or closes. Everything else, malformed heads first of all, is left to hyper. Both read heads with
//! the same parser (`httparse`), so they agree on where a head ends.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use httparse::Status;

/// Fields of a plain answer; with more, it is none.
const FIELDS: usize = 64;

/// What stands at the beginning.
#[derive(Debug)]
pub(super) enum Parsed {
    /// Part of a head; its answer may be plain.
    Head,
    /// The head of a plain answer.
    Plain(Head),
    /// Something else.
    Other,
}

/// The head of a plain answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    /// Without those of one connection: where each value lies in the head.
    fields: Vec<(HeaderName, Range<usize>)>,
    /// Of the head, in bytes.
    pub(super) bytes: usize,
    /// Of the body, in bytes.
    pub(super) length: u64,
    /// How long the connection may be idle then, where the server says it; zero: it closes.
    pub(super) keep: Option<Duration>,
}

/// What one field says besides what it says to the client.
#[derive(Debug, Default)]
struct Told {
    length: Option<u64>,
    keep: Option<Duration>,
}

/// Looks at what has come, of which a head has to fit `room`, in bytes.
pub(super) fn parse(arrived: &[u8], room: usize) -> Parsed {
    let mut room_for_fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut answer = httparse::Response::new(&mut room_for_fields);
    let bytes = match answer.parse(arrived) {
        Ok(Status::Complete(bytes)) => bytes,
        Ok(Status::Partial) if arrived.len() < room => return Parsed::Head,
        _ => return Parsed::Other,
    };
    let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
    let Some(status) = status.filter(|status| !status.is_informational() && answer.version == Some(1)) else {
        return Parsed::Other;
    };
    let (mut told, mut fields) = (Told::default(), Vec::with_capacity(answer.headers.len()));
    for field in answer.headers.iter() {
        match told.note(field.name, field.value) {
            Some(true) => {}
            Some(false) => {
                let Ok(name) = HeaderName::from_bytes(field.name.as_bytes()) else { return Parsed::Other };
                fields.push((name, range_in(arrived, field.value)));
            }
            None => return Parsed::Other,
        }
    }
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let Some(body) = told.length.map(|length| if bodiless { 0 } else { length }).or(bodiless.then_some(0))
    else {
        return Parsed::Other;
    };
    Parsed::Plain(Head { status, fields, bytes, length: body, keep: told.keep })
}

impl Head {
    /// The fields, as parts of the head's bytes.
    pub(super) fn headers(self, head: &Bytes) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(self.fields.len());
        for (name, range) in self.fields {
            // The parser takes a few bytes more than a value has; a field with such was never one for others.
            let Ok(value) = HeaderValue::from_maybe_shared(head.slice(range)) else { continue };
            headers.append(name, value);
        }
        headers
    }
}

impl Told {
    /// Notes what a field says of this connection. True: of nothing else. `None`: it needs more of HTTP.
    fn note(&mut self, name: &str, value: &[u8]) -> Option<bool> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        // By length first: most fields are none of these.
        match name.len() {
            2 if is("te") => None,
            6 if is("expect") => None,
            7 if is("upgrade") => None,
            10 if is("connection") => {
                if value.eq_ignore_ascii_case(b"close") {
                    self.keep = Some(Duration::ZERO);
                } else if !value.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
                Some(true)
            }
            10 if is("keep-alive") => {
                let announced = str::from_utf8(value).ok().and_then(keep_alive);
                // A second less than the server says, for what is under way when it closes.
                let announced = announced.map(|time| time.saturating_sub(Duration::from_secs(1)));
                self.keep = self.keep.or(announced);
                Some(true)
            }
            14 if is("content-length") => {
                let length = digits(value)?;
                // Two of them, even the same, are somebody else's to judge (RFC 9112 section 6.3).
                self.length.replace(length).is_none().then_some(false)
            }
            16 if is("proxy-connection") => None,
            17 if is("transfer-encoding") => None,
            18 if is("proxy-authenticate") => None,
            19 if is("proxy-authorization") => None,
            _ => Some(false),
        }
    }
}

/// How long a server says that it keeps an idle connection: `Keep-Alive: timeout=5`.
pub(in crate::upstream) fn keep_alive(value: &str) -> Option<Duration> {
    let seconds = value.split(',').find_map(|field| field.trim().strip_prefix("timeout="))?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

/// Where a part lies within the whole that it is a part of.
fn range_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

/// A number of at most 18 digits, and nothing else.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Parsed {
        parse(text.as_bytes(), 256)
    }

    #[test]
    fn a_head_is_told_from_the_body() {
        let text = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nX: a\r\nContent-Length: 3\r\nx: b\r\n\r\nabc";
        let Parsed::Plain(head) = parsed(text) else { panic!() };
        assert_eq!((head.status, head.length, head.keep), (StatusCode::OK, 3, None));
        assert_eq!(&text[head.bytes..], "abc");
        let headers = head.headers(&Bytes::from(text));
        assert_eq!(headers["etag"], "\"1\"");
        assert_eq!(headers["content-length"], "3");
        assert_eq!(headers.get_all("x").iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_about_the_connection_is_heeded_and_not_passed_on() {
        for (field, keep) in [
            ("Connection: close", Some(0)),
            ("Connection: Keep-Alive", None),
            ("Keep-Alive: timeout=5, max=3", Some(4)),
            ("Connection: close\r\nKeep-Alive: timeout=5", Some(0)),
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 0\r\n\r\n");
            let Parsed::Plain(head) = parsed(&text) else { panic!("{field}") };
            assert_eq!(head.keep, keep.map(Duration::from_secs), "{field}");
            assert_eq!(head.headers(&Bytes::from(text)).len(), 1, "{field}");
        }
    }

    #[test]
    fn answers_without_a_body_need_no_length() {
        for (line, length) in [
            ("204 No Content", 0),
            ("304 Not Modified\r\nContent-Length: 5", 0),
            ("404 X\r\nContent-Length: 5", 5),
        ] {
            let Parsed::Plain(head) = parsed(&format!("HTTP/1.1 {line}\r\n\r\n")) else { panic!("{line}") };
            assert_eq!(head.length, length, "{line}");
        }
    }

    #[test]
    fn what_needs_more_of_http_is_left_to_others() {
        for text in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x-hop\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
            "no answer at all\r\n\r\n",
        ] {
            assert!(matches!(parsed(text), Parsed::Other), "{text}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(256));
        assert!(matches!(parsed(&endless), Parsed::Other));
    }

    #[test]
    fn a_head_may_come_in_parts() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        for end in 0..text.len() {
            assert!(matches!(parsed(&text[..end]), Parsed::Head), "{end}");
        }
    }
}
