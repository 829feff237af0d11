//! What a request asks for: the resource that a write changes, and the entry within it.
//!
//! Two levels, because a write reaches further than a read: `PUT /v1/a?ttl=5s` changes what
//! `GET /v1/a` and `GET /v1/%61` of every caller return. The resource is therefore the path as the
//! upstream decodes it; the entry is the raw target, and who asks. The authority is a part of it only by
//! policy: the layer stands before one upstream, which may answer alike under all of its names, or not.

use std::{borrow::Cow, hash::Hash, net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName, Uri, header};
use sha2::{Digest, Sha256};

use super::{SplitBy, weight};

/// A resource and the entry within it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CacheKey {
    pub(super) resource: Arc<[u8]>,
    pub(super) entry: EntryKey,
    /// Of the policy that it was made by.
    pub(super) generation: u32,
}

/// An entry within a resource. The default is the commonest: a plain path that everyone shares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct EntryKey {
    /// The raw path and query, where they are more than the resource.
    target: Option<Arc<str>>,
    /// The host that is asked, in lower case, as far as the policy separates hosts.
    host: Option<Arc<str>>,
    /// SHA-256 of the fields by which the policy separates; none where the request has none of them.
    fields: Option<Arc<[u8; 32]>>,
    split: Split,
}

/// Who asks, as far as the policy separates callers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Split {
    token: Option<[u8; 32]>,
    client: Option<IpAddr>,
    /// Credentials for the upstream itself. Apart from all else, so that they cannot make a public key
    /// uncacheable for everybody.
    credentials: bool,
}

/// Who asks, as found by the layers outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Requester {
    /// SHA-256 of the bearer token.
    pub(super) token: Option<[u8; 32]>,
    /// The client's address.
    pub(super) client: Option<IpAddr>,
    /// Whether the request has credentials that the upstream is to judge.
    pub(super) credentials: bool,
}

impl CacheKey {
    /// The key of a request for `uri` with these headers by `caller`.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap, caller: Requester, split_by: &[SplitBy]) -> Self {
        let path = uri.path();
        let exact = uri.query().is_none() && !path.contains('%');
        let target = || uri.path_and_query().map_or(path, http::uri::PathAndQuery::as_str);
        Self {
            resource: resource(path),
            entry: EntryKey {
                target: (!exact).then(|| Arc::from(target())),
                host: split_by.contains(&SplitBy::Host).then(|| host(uri, headers)),
                fields: fields(headers, split_by),
                split: Split {
                    token: caller.token.filter(|_| split_by.contains(&SplitBy::Token)),
                    client: caller.client.filter(|_| split_by.contains(&SplitBy::Client)),
                    credentials: caller.credentials,
                },
            },
            generation: 0,
        }
    }

    /// Whether the answer may be about more than the resource: a listing, by a query or a directory's
    /// path.
    pub(super) fn is_about_many(&self) -> bool {
        self.resource.ends_with(b"/") || self.entry.has_query()
    }

    /// Bytes of this key on the heap.
    pub(super) fn weight(&self) -> usize {
        let texts = [&self.entry.target, &self.entry.host].into_iter().flatten();
        let fields = self.entry.fields.as_ref().map_or(0, |digest| weight::shared(digest.len()));
        weight::shared(self.resource.len())
            + texts.map(|text| weight::shared(text.len())).sum::<usize>()
            + fields
    }
}

impl EntryKey {
    /// Whether this is the commonest entry of its resource.
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    fn has_query(&self) -> bool {
        self.target.as_ref().is_some_and(|target| target.contains('?'))
    }
}

/// The host that a request names: by its target, else by `Host` (RFC 9110, 7.2).
fn host(uri: &Uri, headers: &HeaderMap) -> Arc<str> {
    let by_field = || headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = uri.authority().map(http::uri::Authority::as_str).or_else(by_field);
    Arc::from(host.unwrap_or_default().to_ascii_lowercase())
}

/// A digest of the fields by which the policy separates: of a size that no client can choose.
fn fields(headers: &HeaderMap, split_by: &[SplitBy]) -> Option<Arc<[u8; 32]>> {
    let names = || split_by.iter().filter_map(field_name);
    if !names().any(|name| headers.contains_key(name)) {
        return None;
    }
    let mut digest = Sha256::new();
    for name in names() {
        // With the number and the lengths of the lines, so that no two requests read alike.
        digest.update(headers.get_all(name).iter().count().to_le_bytes());
        for line in headers.get_all(name) {
            digest.update(line.len().to_le_bytes());
            digest.update(line.as_bytes());
        }
    }
    Some(Arc::new(digest.finalize().into()))
}

fn field_name(split_by: &SplitBy) -> Option<&HeaderName> {
    match split_by {
        SplitBy::Header(name) => Some(name),
        SplitBy::Token | SplitBy::Client | SplitBy::Host => None,
    }
}

/// The resource that `path` names.
pub(super) fn resource(path: &str) -> Arc<[u8]> {
    Arc::from(decoded(path))
}

/// A path's bytes.
pub(super) fn decoded(path: &str) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode_str(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(uri: &'static str, caller: Requester, split_by: &[SplitBy]) -> CacheKey {
        CacheKey::of(&Uri::from_static(uri), &HeaderMap::new(), caller, split_by)
    }

    fn anyone(uri: &'static str) -> CacheKey {
        key(uri, Requester::default(), &[])
    }

    #[test]
    fn the_authority_plays_a_part_only_by_policy() {
        assert_eq!(anyone("http://a/v1/k"), anyone("/v1/k"));
        let by_host = |uri: &'static str, host: &'static str| {
            let headers =
                [(header::HOST, http::HeaderValue::from_static(host))].into_iter().collect::<HeaderMap>();
            CacheKey::of(&Uri::from_static(uri), &headers, Requester::default(), &[SplitBy::Host])
        };
        assert_eq!(by_host("/k", "A.example:80"), by_host("/k", "a.example:80"));
        assert_eq!(by_host("http://a/k", "b"), by_host("/k", "a"), "the target goes before the field");
        assert_ne!(by_host("/k", "a"), by_host("/k", "b"));
        assert_eq!(by_host("/k", "a").resource, by_host("/k", "b").resource, "a write reaches both");
    }

    #[test]
    fn spelling_and_query_separate_entries_but_not_the_resource() {
        let plain = anyone("/v1/k");
        for other in ["/v1/%6b", "/v1/k?ttl=5s"] {
            assert_eq!(anyone(other).resource, plain.resource);
            assert_ne!(anyone(other), plain);
        }
        assert_ne!(anyone("/v1/K").resource, plain.resource);
    }

    #[test]
    fn a_query_or_a_directory_may_be_about_many_resources() {
        assert!(anyone("/v1/k?a").is_about_many() && anyone("/v1/").is_about_many());
        assert!(!anyone("/v1/k").is_about_many() && !anyone("/v1/%6b").is_about_many());
    }

    #[test]
    fn callers_are_separated_as_the_policy_says() {
        let caller = |number| Requester {
            token: Some([number; 32]),
            client: Some(IpAddr::from([10, 0, 0, number])),
            credentials: false,
        };
        assert_eq!(key("/k", caller(1), &[]), key("/k", caller(2), &[]));
        for split in [SplitBy::Token, SplitBy::Client] {
            let split = [split];
            assert_ne!(key("/k", caller(1), &split), key("/k", caller(2), &split));
            assert_eq!(key("/k", caller(1), &split), key("/k", caller(1), &split));
        }
    }

    #[test]
    fn fields_separate_by_all_of_their_lines() {
        let split = ["x-account", "x-region"].map(|name| SplitBy::Header(HeaderName::from_static(name)));
        let key = |lines: &[(&'static str, &'static str)]| {
            let headers = lines
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), http::HeaderValue::from_static(value)));
            CacheKey::of(&Uri::from_static("/k"), &headers.collect(), Requester::default(), &split)
        };
        let different: [&[_]; 7] = [
            &[],
            &[("x-account", "")],
            &[("x-account", "a")],
            &[("x-region", "a")],
            &[("x-account", "ab")],
            &[("x-account", "a"), ("x-account", "b")],
            &[("x-account", "a"), ("x-region", "b")],
        ];
        for (at, one) in different.iter().enumerate() {
            for (other_at, other) in different.iter().enumerate() {
                assert_eq!(key(one) == key(other), at == other_at, "{one:?} {other:?}");
            }
        }
        assert_eq!(key(&[("x-other", "a")]), key(&[]));
        assert_eq!(key(&[("x-account", "a")]).weight(), key(&[]).weight() + weight::shared(32));
    }

    #[test]
    fn credentials_for_the_upstream_are_apart() {
        let with = Requester { credentials: true, ..Requester::default() };
        assert_ne!(key("/k", with, &[]), anyone("/k"));
    }
}
