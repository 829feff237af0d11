//! Whether what has arrived begins with a plain request. Pure.
//!
//! Plain is what needs no more of HTTP than its answer: HTTP/1.1, one `Host`, a body of a given length that fits the
//! room, a connection that stays. Everything else, malformed heads first of all, is left to hyper. Both read heads
//! with the same parser (`httparse`), so they agree on where a request ends.

use std::mem::MaybeUninit;

use httparse::{Header, Status};

/// Fields of a plain request; with more, it is none.
const FIELDS: usize = 32;

/// Room for the fields of one head.
pub(super) struct FieldRoom<'b>([MaybeUninit<Header<'b>>; FIELDS]);

impl FieldRoom<'_> {
    pub(super) fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; FIELDS])
    }
}

/// A request that is there as a whole.
#[derive(Debug)]
pub struct PlainRequest<'b> {
    /// The method, as it was sent.
    pub method: &'b str,
    /// The request target, as it was sent.
    pub target: &'b str,
    /// The body.
    pub body: &'b [u8],
    fields: &'b [Header<'b>],
    /// Of head and body, in bytes.
    length: usize,
}

impl<'b> PlainRequest<'b> {
    /// Its fields, in their order: names as they were sent, in any case.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&'b str, &'b [u8])> {
        self.fields.iter().map(|field| (field.name, field.value))
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }
}

/// What stands at the beginning.
#[derive(Debug)]
pub(super) enum Parsed<'b> {
    /// Part of a head; its request may be plain.
    Head,
    /// The head of a plain request, with a part of its body.
    Body,
    /// A plain request.
    Plain(PlainRequest<'b>),
    /// Something else.
    Other,
}

/// Looks at what has arrived. A request is plain if it fits `room`, and its head `max_head`, in bytes.
pub(super) fn parse<'b>(
    arrived: &'b [u8],
    fields: &'b mut FieldRoom<'b>,
    room: usize,
    max_head: usize,
) -> Parsed<'b> {
    let mut request = httparse::Request::new(&mut []);
    let head = match request.parse_with_uninit_headers(arrived, &mut fields.0) {
        Ok(Status::Complete(head)) if head <= max_head => head,
        Ok(Status::Partial) if arrived.len() < room.min(max_head) => return Parsed::Head,
        _ => return Parsed::Other,
    };
    let (Some(method), Some(target), Some(1)) = (request.method, request.path, request.version) else {
        return Parsed::Other;
    };
    let fields = &*request.headers;
    let Some(body) = body_length(fields) else { return Parsed::Other };
    match arrived.get(head..).and_then(|rest| rest.get(..body)) {
        Some(bytes) => {
            Parsed::Plain(PlainRequest { method, target, body: bytes, fields, length: head + body })
        }
        None if body <= room.saturating_sub(head) => Parsed::Body,
        None => Parsed::Other,
    }
}

/// The length of the body, in bytes, if these are the fields of a plain request.
fn body_length(fields: &[Header<'_>]) -> Option<usize> {
    let (mut hosts, mut length) = (0, None);
    for field in fields {
        // By length first: most fields are none of these.
        match field.name.len() {
            // Who takes trailers shall have them.
            2 if is(field, "te") => return None,
            4 if is(field, "host") => hosts += 1,
            6 if is(field, "expect") => return None,
            7 if is(field, "upgrade") || is(field, "trailer") => return None,
            10 if is(field, "connection") && !field.value.eq_ignore_ascii_case(b"keep-alive") => return None,
            14 if is(field, "content-length") => {
                let announced = digits(field.value)?;
                // Two of them, even the same, are somebody else's to judge (RFC 9112 section 6.3).
                if length.replace(announced).is_some() {
                    return None;
                }
            }
            17 if is(field, "transfer-encoding") => return None,
            _ => {}
        }
    }
    (hosts == 1).then_some(length.unwrap_or(0))
}

fn is(field: &Header<'_>, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

/// A number of at most nine digits, and nothing else.
fn digits(text: &[u8]) -> Option<usize> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    text.iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + usize::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 256;

    fn kind(text: &str) -> &'static str {
        match parse(text.as_bytes(), &mut FieldRoom::new(), ROOM, ROOM) {
            Parsed::Head => "head",
            Parsed::Body => "body",
            Parsed::Plain(_) => "plain",
            Parsed::Other => "other",
        }
    }

    #[test]
    fn a_request_with_its_body_is_told_from_what_follows() {
        let text = b"PUT /v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /";
        let mut fields = FieldRoom::new();
        let Parsed::Plain(request) = parse(text, &mut fields, ROOM, ROOM) else { panic!() };
        assert_eq!((request.method, request.target, request.body), ("PUT", "/v1/a", &b"abc"[..]));
        assert_eq!(&text[request.length()..], b"GET /");
        let fields: Vec<_> = request.fields().collect();
        assert_eq!(fields, [("Host", &b"h"[..]), ("Content-Length", &b"3"[..])]);
    }

    #[test]
    fn every_part_of_a_plain_request_may_become_one() {
        let text = "PUT /v1/a HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive\r\ncontent-length: 3\r\n\r\nabc";
        let head = text.len() - 3;
        for end in 0..text.len() {
            let expected = if end < head { "head" } else { "body" };
            assert_eq!(kind(&text[..end]), expected, "{:?}", &text[..end]);
        }
        assert_eq!(kind(text), "plain");
    }

    #[test]
    fn what_needs_more_of_http_is_left_to_others() {
        for head in [
            "GET / HTTP/1.0\r\nHost: h",
            "GET / HTTP/1.1\r\nAccept: */*",
            "GET / HTTP/1.1\r\nHost: h\r\nHost: h",
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: close",
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, upgrade",
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c",
            "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers",
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked",
            "PUT / HTTP/1.1\r\nHost: h\r\nTrailer: x",
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nExpect: 100-continue",
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1",
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1",
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: +1",
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: ",
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 300",
            "PUT / HTTP/1.1\r\nHost : h",
            "PRI * HTTP/2.0",
        ] {
            assert_eq!(kind(&format!("{head}\r\n\r\n")), "other", "{head}");
        }
        let many = "X: y\r\n".repeat(FIELDS);
        assert_eq!(kind(&format!("GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n")), "other");
        assert_eq!(kind(&format!("GET /{} HTTP/1.1", "x".repeat(ROOM))), "other");
    }
}
