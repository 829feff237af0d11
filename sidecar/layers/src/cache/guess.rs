//! What keeps a client's own cache from guessing.
//!
//! A private cache may take an answer that says nothing about its freshness for fresh as long as it sees fit
//! (RFC 9111, 4.2.2), most often a tenth of the time since `Last-Modified`. Then its client does not read its
//! own writes. How long such an answer is kept *here* is the policy's `ttl`, which is decided before.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// The answer, with `Cache-Control: no-cache` (RFC 9111, 5.2.2.4) where nothing in it says how long it is
/// fresh and its status lets a cache guess: a client asks each time, and its conditions are answered from what
/// is stored.
///
/// For a gateway whose server means answers to be current, and leaves it to the gateway to say so. Outside of
/// the cache's layer: what is stored stays as it came.
pub fn without_guesses<B>(mut response: Response<B>) -> Response<B> {
    if is_guessed(response.status(), response.headers()) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response
}

/// Whether a client's cache may guess how long an answer with this status and these headers is fresh.
pub fn is_guessed(status: StatusCode, headers: &HeaderMap) -> bool {
    let says = ["cache-control", "expires", "pragma"];
    lets_guess(status) && !headers.keys().any(|name| says.contains(&name.as_str()))
}

/// RFC 9110, 15.1, and 304, which gives its fields to what the client has.
fn lets_guess(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 304 | 308 | 404 | 405 | 410 | 414 | 501)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_control(status: u16, lines: &[(&'static str, &'static str)]) -> Option<String> {
        let mut response = Response::builder().status(status);
        for (name, value) in lines {
            response = response.header(*name, *value);
        }
        let response = without_guesses(response.body(()).unwrap());
        response.headers().get(header::CACHE_CONTROL).map(|line| line.to_str().unwrap().to_owned())
    }

    #[test]
    fn what_says_nothing_is_asked_about_each_time() {
        const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
        for status in [200, 206, 304, 404] {
            assert_eq!(cache_control(status, &[MODIFIED]).as_deref(), Some("no-cache"), "{status}");
        }
        for status in [201, 302, 400, 503] {
            assert_eq!(cache_control(status, &[MODIFIED]), None, "{status}");
        }
    }

    #[test]
    fn what_says_something_stays_as_it_is() {
        assert_eq!(cache_control(200, &[("cache-control", "max-age=5")]).as_deref(), Some("max-age=5"));
        for line in [("expires", "0"), ("pragma", "no-cache")] {
            assert_eq!(cache_control(200, &[line]), None);
        }
    }
}
