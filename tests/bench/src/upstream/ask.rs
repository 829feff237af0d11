//! What a request asks the upstream for. Pure.

use super::{FRESH, SLOW, TOGETHER};

/// How a request is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Plain,
    Fresh,
    Slow,
    Together,
}

/// None while the request has not all arrived; none of them has a body.
pub(super) fn read(request: &[u8]) -> Option<Ask> {
    if !request.ends_with(b"\r\n\r\n") {
        return None;
    }
    let path = request.strip_prefix(b"GET ").unwrap_or_default();
    let asks = [(FRESH, Ask::Fresh), (SLOW, Ask::Slow), (TOGETHER, Ask::Together)];
    let asked = asks.into_iter().find(|(begin, _)| path.starts_with(begin.as_bytes()));
    Some(asked.map_or(Ask::Plain, |(_, ask)| ask))
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
            assert_eq!(read(request.as_bytes()), Some(ask), "{path}");
        }
    }

    #[test]
    fn a_request_is_awaited_to_its_end() {
        assert_eq!(read(b""), None);
        assert_eq!(read(b"GET /fresh/a HTTP/1.1\r\nhost: a\r\n"), None);
    }
}
