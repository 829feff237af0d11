//! What a request asks the upstream for. Pure.

use memchr::memmem;

use super::{FRESH, SLOW, TOGETHER};

const END: &[u8] = b"\r\n\r\n";

/// How a request is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Plain,
    Fresh,
    Slow,
    Together,
}

impl Ask {
    /// Whether its answer takes a while.
    pub(super) fn is_slow(self) -> bool {
        matches!(self, Self::Slow | Self::Together)
    }
}

/// What the first request of `bytes` asks for, and its length: more may stand behind it. None while it has not all
/// arrived; none of them has a body.
pub(super) fn read(bytes: &[u8]) -> Option<(Ask, usize)> {
    let length = memmem::find(bytes, END)? + END.len();
    let path = bytes.strip_prefix(b"GET ").unwrap_or_default();
    let asks = [(FRESH, Ask::Fresh), (SLOW, Ask::Slow), (TOGETHER, Ask::Together)];
    let asked = asks.into_iter().find(|(begin, _)| path.starts_with(begin.as_bytes()));
    Some((asked.map_or(Ask::Plain, |(_, ask)| ask), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_how_to_answer() {
        for (path, ask) in [
            ("/v1/a", Ask::Plain),
            ("/", Ask::Plain),
            ("/fresh/a", Ask::Fresh),
            ("/slow/a", Ask::Slow),
            ("/together/a", Ask::Together),
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
            assert_eq!(read(request.as_bytes()), Some((ask, request.len())), "{path}");
        }
    }

    #[test]
    fn a_request_ends_where_the_next_begins() {
        let (one, another) = ("GET /slow/a HTTP/1.1\r\n\r\n", "GET /fresh/b HTTP/1.1\r\nhost: a\r\n\r\n");
        let both = format!("{one}{another}GET /v1/c");
        assert_eq!(read(both.as_bytes()), Some((Ask::Slow, one.len())));
        assert_eq!(read(&both.as_bytes()[one.len()..]), Some((Ask::Fresh, another.len())));
        assert_eq!(read(&both.as_bytes()[one.len() + another.len()..]), None);
    }

    #[test]
    fn a_request_is_awaited_to_its_end() {
        assert_eq!(read(b""), None);
        assert_eq!(read(b"GET /fresh/a HTTP/1.1\r\nhost: a\r\n"), None);
    }
}
