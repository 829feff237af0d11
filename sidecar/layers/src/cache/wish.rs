//! How fresh a request wants a stored answer that is still fresh (RFC 9111, 5.2.1). How stale it takes one
//! is in `stale`. A function of the request's directives.

use std::time::Duration;

use http::{HeaderMap, header};

use super::directives::Directives;

/// Whether a request takes a fresh answer of this `age` that is fresh for `left` more: `max-age` (5.2.1.1)
/// bounds the first, `min-fresh` (5.2.1.3) the second, and `no-cache` and `no-store` want the origin's.
pub(super) fn takes(request: &HeaderMap, age: Duration, left: Duration) -> bool {
    if !request.contains_key(header::CACHE_CONTROL) {
        return true;
    }
    let directives = Directives::of(request);
    !directives.no_cache
        && !directives.no_store
        && directives.max_age.is_none_or(|most| age <= most)
        && directives.min_fresh.is_none_or(|least| left >= least)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_request_bounds_age_and_what_is_left() {
        let (age, left) = (Duration::from_secs(20), Duration::from_secs(40));
        for (line, taken) in [
            ("max-age=20", true),
            ("max-age=19", false),
            ("max-age=20, max-age=9", false),
            ("max-age=\"19\"", false),
            ("max-age=20, max-stale", true),
            ("max-age=soon", false),
            ("min-fresh=40", true),
            ("min-fresh=41", false),
            ("min-fresh=1, min-fresh=41", false),
            ("min-fresh=soon", false),
            ("max-age=20, min-fresh=41", false),
            ("max-stale=0", true),
            ("no-cache", false),
            ("no-store", false),
            ("x-other", true),
        ] {
            let headers = [(header::CACHE_CONTROL, HeaderValue::from_static(line))].into_iter().collect();
            assert_eq!(takes(&headers, age, left), taken, "{line}");
        }
        assert!(takes(&HeaderMap::new(), age, left));
    }
}
