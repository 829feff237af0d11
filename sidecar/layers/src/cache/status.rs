//! The text of `Cache-Status` (RFC 9211) on every answer that went through the layer.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::verdict::Unshared;

pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How an answer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheStatus {
    /// From the store.
    Hit {
        /// The freshness that is left, in seconds; negative: stale, and served while it is refreshed.
        ttl: i64,
    },
    /// From the store, stale, because a load failed a moment ago and is not tried again yet.
    Resting {
        /// As of a hit.
        ttl: i64,
    },
    /// From the store, stale, in place of the failure of what was forwarded.
    Instead {
        /// As of a hit.
        ttl: i64,
        /// That of the failure; `None`: there was no answer.
        status: Option<StatusCode>,
    },
    /// A failure that is kept.
    KeptFailure,
    /// By a load that others may share.
    Loaded {
        /// Why no stored answer was served.
        why: Forwarded,
        /// The upstream's status, where this answer has another: 304, that what was stored is current, or
        /// that of an answer which fulfils the request's condition.
        upstream: Option<StatusCode>,
        /// Whether another request had begun the load.
        collapsed: bool,
        /// The freshness it is stored for; `None`: not stored.
        stored: Option<Duration>,
    },
    /// By a load whose answer turned out to be for one request only; why it was begun, and why so.
    Unshared(Forwarded, Unshared),
    /// Neither answered from the store nor forwarded: the request wants a stored answer or none.
    NotStored,
    /// Forwarded because of the request's method.
    Method,
    /// Forwarded because of the request's own cache directives.
    Request,
    /// Forwarded around the cache, and why.
    Bypass(&'static str),
}

/// Why a load was begun or joined (RFC 9211, 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forwarded {
    /// Nothing was stored for the request.
    Miss,
    /// A stale answer was.
    Stale,
    /// The request wants the upstream's answer, or a fresher one than what was stored.
    Request,
}

impl Forwarded {
    fn text(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

impl CacheStatus {
    /// Adds this cache's member after those of the caches before it (RFC 9211, 2).
    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        headers.append(CACHE_STATUS, self.value());
    }

    /// As the value of a field. The most frequent ones are made of nothing.
    pub(super) fn value(self) -> HeaderValue {
        match self {
            Self::Loaded { why: Forwarded::Miss, upstream: None, collapsed: false, stored: None } => {
                HeaderValue::from_static("kivi; fwd=miss")
            }
            Self::Loaded { why: Forwarded::Miss, upstream: None, collapsed: true, stored: None } => {
                HeaderValue::from_static("kivi; fwd=miss; collapsed")
            }
            // Tokens, numbers and punctuation are what values are made of.
            _ => HeaderValue::try_from(self.text()).unwrap_or(HeaderValue::from_static("kivi")),
        }
    }

    /// The value for a request of this way that ended without an answer. `detail` is a token.
    pub(super) fn failed(self, detail: &str) -> Option<HeaderValue> {
        let mut text = self.text();
        if !text.contains("; detail=") {
            text.push_str("; detail=");
            text.push_str(detail);
        }
        HeaderValue::try_from(text).ok()
    }

    /// `hit` and `fwd` are exclusive (RFC 9211, 2.1 and 2.2): a stale answer that was served without
    /// asking the upstream is a hit, one in place of a failure was forwarded.
    fn text(self) -> String {
        match self {
            Self::Method => "kivi; fwd=method".to_owned(),
            Self::Request => "kivi; fwd=request".to_owned(),
            Self::KeptFailure => "kivi; hit".to_owned(),
            Self::Resting { ttl } => format!("kivi; hit; ttl={ttl}; detail=stale-if-error"),
            Self::Instead { ttl, status: Some(status) } => {
                format!("kivi; fwd=stale; fwd-status={}; ttl={ttl}; detail=stale-if-error", status.as_u16())
            }
            Self::Instead { ttl, status: None } => {
                format!("kivi; fwd=stale; ttl={ttl}; detail=stale-if-error")
            }
            Self::Bypass(detail) => format!("kivi; fwd=bypass; detail={detail}"),
            Self::Unshared(why, reason) => format!("kivi; fwd={}; detail={}", why.text(), reason.detail()),
            Self::Hit { ttl } => format!("kivi; hit; ttl={ttl}"),
            Self::NotStored => "kivi; detail=only-if-cached".to_owned(),
            Self::Loaded { why, upstream, collapsed, stored } => {
                let mut text = format!("kivi; fwd={}", why.text());
                if let Some(status) = upstream {
                    text.push_str("; fwd-status=");
                    text.push_str(status.as_str());
                }
                if collapsed {
                    text.push_str("; collapsed");
                }
                if let Some(ttl) = stored {
                    text.push_str("; stored; ttl=");
                    text.push_str(&ttl.as_secs().to_string());
                }
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::dictionary, *};

    fn text(status: CacheStatus) -> String {
        let mut headers = HeaderMap::new();
        status.add_to(&mut headers);
        headers[CACHE_STATUS].to_str().unwrap().to_owned()
    }

    #[test]
    fn each_outcome_has_its_text() {
        let ttl = Duration::from_millis(59_400);
        let loaded = |why, collapsed, stored| CacheStatus::Loaded { why, upstream: None, collapsed, stored };
        let validated = CacheStatus::Loaded {
            why: Forwarded::Stale,
            upstream: Some(StatusCode::NOT_MODIFIED),
            collapsed: true,
            stored: Some(ttl),
        };
        let instead = |status| CacheStatus::Instead { ttl: -3, status };
        for (status, expected) in [
            (CacheStatus::Hit { ttl: 59 }, "kivi; hit; ttl=59"),
            (CacheStatus::Hit { ttl: -3 }, "kivi; hit; ttl=-3"),
            (CacheStatus::Resting { ttl: -3 }, "kivi; hit; ttl=-3; detail=stale-if-error"),
            (instead(None), "kivi; fwd=stale; ttl=-3; detail=stale-if-error"),
            (
                instead(Some(StatusCode::BAD_GATEWAY)),
                "kivi; fwd=stale; fwd-status=502; ttl=-3; detail=stale-if-error",
            ),
            (loaded(Forwarded::Miss, false, None), "kivi; fwd=miss"),
            (loaded(Forwarded::Miss, false, Some(ttl)), "kivi; fwd=miss; stored; ttl=59"),
            (loaded(Forwarded::Miss, true, None), "kivi; fwd=miss; collapsed"),
            (loaded(Forwarded::Stale, true, Some(ttl)), "kivi; fwd=stale; collapsed; stored; ttl=59"),
            (loaded(Forwarded::Request, false, None), "kivi; fwd=request"),
            (validated, "kivi; fwd=stale; fwd-status=304; collapsed; stored; ttl=59"),
            (CacheStatus::NotStored, "kivi; detail=only-if-cached"),
            (CacheStatus::Unshared(Forwarded::Miss, Unshared::TooLarge), "kivi; fwd=miss; detail=too-large"),
            (CacheStatus::Unshared(Forwarded::Stale, Unshared::Cookie), "kivi; fwd=stale; detail=set-cookie"),
            (CacheStatus::Method, "kivi; fwd=method"),
            (CacheStatus::Request, "kivi; fwd=request"),
            (CacheStatus::Bypass("range"), "kivi; fwd=bypass; detail=range"),
        ] {
            assert_eq!(text(status), expected);
            is_an_item(&text(status));
        }
    }

    /// A member of the list is an item with parameters, as of a dictionary (RFC 9651, 3.1, 3.2).
    fn is_an_item(text: &str) {
        let members = format!("a={text}");
        assert!(dictionary::members(members.as_bytes()).is_some_and(|members| members.len() == 1), "{text}");
    }

    #[test]
    fn a_failure_says_its_way_and_one_detail() {
        let miss =
            CacheStatus::Loaded { why: Forwarded::Miss, upstream: None, collapsed: true, stored: None };
        for (status, expected) in [
            (miss, "kivi; fwd=miss; collapsed; detail=broken"),
            (CacheStatus::Method, "kivi; fwd=method; detail=broken"),
            (CacheStatus::Bypass("range"), "kivi; fwd=bypass; detail=range"),
            (CacheStatus::KeptFailure, "kivi; hit; detail=broken"),
        ] {
            assert_eq!(status.failed("broken").unwrap(), expected);
            is_an_item(expected);
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
