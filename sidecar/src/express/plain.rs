//! Which requests are plain GETs: those of which the layers would make the same, whatever their fields say. Pure.

use kivi_process::serve::PlainRequest;

/// Whether a request is a GET without content, conditions, ranges or wishes of a cache, from a client that no other proxy
/// speaks for, to a host whose name needs no second look.
pub(super) fn is_plain_get(request: &PlainRequest<'_>) -> bool {
    let mut cookies = 0;
    request.method == "GET"
        && request.body.is_empty()
        && request.fields().all(|(name, value)| {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let begins =
                |other: &str| name.get(..other.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(other));
            // By the first letter: few fields begin like these.
            !match name.as_bytes().first().map(u8::to_ascii_lowercase) {
                Some(b'a') => is("accept") && value.windows(12).any(|part| part == b"event-stream"),
                Some(b'c') if is("cookie") => {
                    cookies += 1;
                    cookies > 1
                }
                Some(b'c') => is("cache-control") || begins("content-"),
                Some(b'h') => is("host") && !is_host(value),
                Some(b'f') => is("forwarded"),
                Some(b'i') => begins("if-"),
                Some(b'k') => is("keep-alive") || is("kivi-change-feed"),
                Some(b'm') => is("max-forwards"),
                Some(b'p') => is("pragma") || begins("proxy-"),
                Some(b'r') => is("range"),
                Some(b'v') => is("via"),
                Some(b'x') => begins("x-forwarded-"),
                _ => false,
            }
        })
}

/// Whether this is a host, with or without a port, as most are written.
fn is_host(value: &[u8]) -> bool {
    let (name, port) = match value.iter().position(|byte| *byte == b':') {
        Some(colon) => (&value[..colon], &value[colon + 1..]),
        None => (value, &b"1"[..]),
    };
    !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && (1..=5).contains(&port.len())
        && port.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_as_most_are_written() {
        for host in ["a", "kivi.example", "10.0.0.1:8080", "a-b:1"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in ["", ":1", "a:", "a:b", "a:123456", "[::1]:80", "u@a", "a b", "a/b", "a:1:2"] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
