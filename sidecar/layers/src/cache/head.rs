//! The head of an answer that several requests share.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, response};
use tokio::time::Instant;

use super::{CachePolicy, directives::split_list, stale::Grace, vary::Nominated, verdict::Sharing};

/// Status and headers, and how they may be shared.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Which requests may have it.
    pub(super) nominated: Nominated,
    /// How long it is stored for, from `since`; `None`: it is not stored.
    pub(super) lifetime: Option<Duration>,
    /// How old it was when it came.
    pub(super) age: Duration,
    /// Whether it is a stored answer that the upstream said is current.
    pub(super) validated: bool,
    /// What it is good for after its lifetime.
    pub(super) grace: Grace,
    /// When it came.
    pub(super) since: Instant,
    /// The length of the body that its headers declare.
    pub(super) length: Option<u64>,
}

impl Head {
    /// The head of an answer to a request with the headers `request`, without what concerns one
    /// connection only.
    pub(super) fn new(
        parts: response::Parts,
        sharing: Sharing,
        request: &HeaderMap,
        validated: bool,
    ) -> Self {
        let mut headers = parts.headers;
        strip_hop_by_hop(&mut headers);
        if sharing.lifetime.is_some() {
            date(&mut headers);
        }
        Self {
            status: parts.status,
            // A 304 tells the length of another answer.
            length: content_length(&headers).filter(|_| parts.status != StatusCode::NOT_MODIFIED),
            nominated: sharing.vary.nominate(request),
            lifetime: sharing.lifetime,
            age: sharing.age,
            validated,
            grace: sharing.grace,
            since: Instant::now(),
            headers,
        }
    }

    /// The freshness for which it is stored still; `None`: it is not.
    pub(super) fn stored_for(&self, policy: &CachePolicy) -> Option<Duration> {
        let lifetime = self.lifetime.filter(|_| policy.max_bytes > 0)?;
        Some(lifetime.saturating_sub(self.since.elapsed()))
    }
}

/// Adds the `Date` of now to an answer without, before it is stored (RFC 9110, 6.6.1): whoever reads it later
/// counts from then.
fn date(headers: &mut HeaderMap) {
    let now = || HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now())).ok();
    if !headers.contains_key(header::DATE)
        && let Some(now) = now()
    {
        headers.insert(header::DATE, now);
    }
}

/// `Content-Length`, where it is one number.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The fields of one connection, nominated or not.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authentication-info",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Removes the fields of one connection (RFC 9110, 7.6.1; RFC 9111, 3.1): a shared or stored answer goes
/// out on other connections.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Nearly always there is none.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(&name.as_str())) {
        return;
    }
    if headers.contains_key(header::CONNECTION) {
        let nominated: Vec<_> = headers
            .get_all(header::CONNECTION)
            .iter()
            .flat_map(|line| split_list(line.as_bytes()))
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            .collect();
        for name in nominated {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_one_connection_is_removed_and_the_rest_stays() {
        let mut headers: HeaderMap = [
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("proxy-authentication-info", "x=y"),
            ("etag", "\"1\""),
        ]
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .collect();
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), [header::ETAG]);
    }
}
