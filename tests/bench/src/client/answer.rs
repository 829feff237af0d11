//! Where an answer ends, and whether it is a good one. Pure.

use memchr::{memchr, memmem};

/// The protocol of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// HTTP/1.1 whose answers say their length.
    Http,
    /// Redis' protocol, answered by simple and bulk strings.
    Resp,
}

/// What the bytes received so far are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The beginning of an answer.
    Partial,
    /// A good answer of so many bytes.
    Good(usize),
    /// A refusal, or nothing this client understands.
    Bad,
}

impl Wire {
    pub(super) fn parse(self, bytes: &[u8]) -> Parsed {
        match self {
            Self::Http => http(bytes),
            Self::Resp => resp(bytes),
        }
    }
}

fn http(bytes: &[u8]) -> Parsed {
    let Some(head) = memmem::find(bytes, b"\r\n\r\n") else {
        return Parsed::Partial;
    };
    if !bytes.starts_with(b"HTTP/1.1 2") {
        return Parsed::Bad;
    }
    match content_length(&bytes[..head]) {
        Some(length) if bytes.len() >= head + 4 + length => Parsed::Good(head + 4 + length),
        Some(_) => Parsed::Partial,
        None => Parsed::Bad,
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let mut rest = head;
    while let Some(end) = memchr(b'\n', rest) {
        rest = &rest[end + 1..];
        if rest.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
            return number(rest[NAME.len()..].trim_ascii_start());
        }
    }
    None
}

fn resp(bytes: &[u8]) -> Parsed {
    let Some(line) = memchr(b'\n', bytes) else {
        return Parsed::Partial;
    };
    let end = match (bytes[0], number(&bytes[1..])) {
        (b'+', _) => line + 1,
        (b'$', Some(length)) => line + 1 + length + 2,
        _ => return Parsed::Bad,
    };
    if bytes.len() >= end { Parsed::Good(end) } else { Parsed::Partial }
}

fn number(digits: &[u8]) -> Option<usize> {
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&digits[..count]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_answer_ends_with_its_body() {
        let answer = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length:  5\r\nX: y\r\n\r\nhello";
        assert_eq!(Wire::Http.parse(answer), Parsed::Good(answer.len()));
        assert_eq!(Wire::Http.parse(&answer[..answer.len() - 1]), Parsed::Partial);
        assert_eq!(Wire::Http.parse(&answer[..30]), Parsed::Partial);
    }

    #[test]
    fn a_refusal_and_an_answer_without_a_length_are_bad() {
        assert_eq!(Wire::Http.parse(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"), Parsed::Bad);
        assert_eq!(Wire::Http.parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), Parsed::Bad);
        assert_eq!(Wire::Resp.parse(b"-ERR no\r\n"), Parsed::Bad);
        assert_eq!(Wire::Resp.parse(b"$-1\r\n"), Parsed::Bad);
    }

    #[test]
    fn redis_answers_end_with_their_line_or_their_value() {
        assert_eq!(Wire::Resp.parse(b"+OK\r\n"), Parsed::Good(5));
        assert_eq!(Wire::Resp.parse(b"$2\r\nab\r\n"), Parsed::Good(8));
        assert_eq!(Wire::Resp.parse(b"$2\r\nab"), Parsed::Partial);
    }
}
