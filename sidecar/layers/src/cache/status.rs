//! The text of `Cache-Status` (RFC 9211) on every answer that went through the layer.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::verdict::Unshared;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How an answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheStatus {
    /// From the store, fresh for `ttl` more.
    Hit {
        /// The freshness that is left.
        ttl: Duration,
    },
    /// By a load that others may share.
    Loaded {
        /// Whether a stale stored answer was found first.
        stale: bool,
        /// Whether another request had begun the load.
        collapsed: bool,
        /// The freshness it is stored for; `None`: not stored.
        stored: Option<Duration>,
    },
    /// By a load whose answer turned out to be for one request only.
    Unshared(Unshared),
    /// Forwarded because of the request's method.
    Method,
    /// Forwarded because of the request's own cache directives.
    Request,
    /// Forwarded around the cache, and why.
    Bypass(&'static str),
}

impl CacheStatus {
    /// Adds this cache's member after those of the caches before it (RFC 9211, 2).
    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        if let Some(value) = self.value() {
            headers.append(CACHE_STATUS, value);
        }
    }

    fn value(self) -> Option<HeaderValue> {
        let text = match self {
            Self::Method => return Some(HeaderValue::from_static("kivi; fwd=method")),
            Self::Request => return Some(HeaderValue::from_static("kivi; fwd=request")),
            Self::Bypass(detail) => format!("kivi; fwd=bypass; detail={detail}"),
            Self::Unshared(reason) => format!("kivi; fwd=miss; detail={}", reason.detail()),
            Self::Hit { ttl } => format!("kivi; hit; ttl={}", ttl.as_secs()),
            Self::Loaded { stale, collapsed, stored } => {
                let mut text = String::from(if stale { "kivi; fwd=stale" } else { "kivi; fwd=miss" });
                if collapsed {
                    text.push_str("; collapsed");
                }
                if let Some(ttl) = stored {
                    text.push_str("; stored; ttl=");
                    text.push_str(&ttl.as_secs().to_string());
                }
                text
            }
        };
        HeaderValue::try_from(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(status: CacheStatus) -> String {
        let mut headers = HeaderMap::new();
        status.add_to(&mut headers);
        headers[CACHE_STATUS].to_str().unwrap().to_owned()
    }

    #[test]
    fn each_outcome_has_its_text() {
        let ttl = Duration::from_millis(59_400);
        let loaded = |stale, collapsed, stored| CacheStatus::Loaded { stale, collapsed, stored };
        for (status, expected) in [
            (CacheStatus::Hit { ttl }, "kivi; hit; ttl=59"),
            (loaded(false, false, None), "kivi; fwd=miss"),
            (loaded(false, false, Some(ttl)), "kivi; fwd=miss; stored; ttl=59"),
            (loaded(false, true, None), "kivi; fwd=miss; collapsed"),
            (loaded(true, true, Some(ttl)), "kivi; fwd=stale; collapsed; stored; ttl=59"),
            (CacheStatus::Unshared(Unshared::TooLarge), "kivi; fwd=miss; detail=too-large"),
            (CacheStatus::Method, "kivi; fwd=method"),
            (CacheStatus::Request, "kivi; fwd=request"),
            (CacheStatus::Bypass("range"), "kivi; fwd=bypass; detail=range"),
        ] {
            assert_eq!(text(status), expected);
        }
    }

    #[test]
    fn the_caches_before_keep_their_members() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_STATUS, HeaderValue::from_static("origin; hit"));
        CacheStatus::Method.add_to(&mut headers);
        let members: Vec<_> = headers.get_all(CACHE_STATUS).iter().collect();
        assert_eq!(members, ["origin; hit", "kivi; fwd=method"]);
    }
}
