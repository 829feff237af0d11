//! The cache's policy out of the settings. Pure.

use http::HeaderName;
use kivi_layers::cache::{CachePolicy, SplitBy};
use kivi_settings::{self as settings, Settings};

use crate::upstream::{Target, Transport};

/// What `sidecar.cache` says, and what follows for it from the rest and from the server that is behind.
pub fn of(settings: &Settings, upstream: &Target) -> CachePolicy {
    let cache = &settings.sidecar.cache;
    // The store behind a socket answers alike under all of its names; a server at an address may have many.
    let by_host = matches!(upstream.transport, Transport::Tcp(..)).then_some(SplitBy::Host);
    CachePolicy {
        max_bytes: cache.max_bytes.bytes(),
        // Every value that the store takes can be shared.
        max_object_bytes: cache.max_object_bytes.bytes().max(settings.limits.value_bytes.bytes()),
        ttl: cache.ttl.get(),
        stale_while_revalidate: cache.stale_while_revalidate.get(),
        stale_if_error: cache.stale_if_error.get(),
        error_ttl: cache.error_ttl.get(),
        negative_ttl: cache.negative_ttl.get(),
        load_timeout: settings.sidecar.timeouts.request.get(),
        split_by: cache.split_by.iter().filter_map(split_by).chain(by_host).collect(),
        ..CachePolicy::default()
    }
}

/// `None` for what no request can have as a field; the settings take nothing of that kind.
fn split_by(setting: &settings::SplitBy) -> Option<SplitBy> {
    match setting {
        settings::SplitBy::Token => Some(SplitBy::Token),
        settings::SplitBy::Client => Some(SplitBy::Client),
        settings::SplitBy::Header(name) => name.parse::<HeaderName>().ok().map(SplitBy::Header),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str, upstream: &str) -> CachePolicy {
        let settings: Settings = serde_yaml::from_str(text).unwrap();
        of(&settings, &upstream.parse().unwrap())
    }

    #[test]
    fn every_value_of_the_store_can_be_shared() {
        for (text, bytes) in [
            ("{}", 4 << 20),
            ("{sidecar: {cache: {maxObjectBytes: 16Mi}}}", 16 << 20),
            ("{limits: {valueBytes: 64Mi}, sidecar: {cache: {maxObjectBytes: 1Ki}}}", 64 << 20),
        ] {
            assert_eq!(policy(text, "unix:/run/a").max_object_bytes, bytes, "{text}");
        }
    }

    #[test]
    fn a_fields_name_has_no_case_and_hosts_are_apart_in_front_of_an_address() {
        let text = "{sidecar: {cache: {splitBy: [Header=X-Account, Token]}}}";
        let account = SplitBy::Header(HeaderName::from_static("x-account"));
        assert_eq!(policy(text, "unix:/run/a").split_by, [account.clone(), SplitBy::Token]);
        assert_eq!(policy(text, "http://a").split_by, [account, SplitBy::Token, SplitBy::Host]);
    }

    #[test]
    fn each_setting_has_its_place() {
        let text = "{sidecar: {cache: {maxBytes: 1Mi, ttl: 1s, staleWhileRevalidate: 2s, staleIfError: 3s, errorTtl: 4s, negativeTtl: 5s}, timeouts: {request: 6s}}}";
        let policy = policy(text, "unix:/run/a");
        let seconds = [
            policy.ttl,
            policy.stale_while_revalidate,
            policy.stale_if_error,
            policy.error_ttl,
            policy.negative_ttl,
            policy.load_timeout,
        ];
        assert_eq!(seconds.map(|time| time.as_secs()), [1, 2, 3, 4, 5, 6]);
        assert_eq!(policy.max_bytes, 1 << 20);
    }
}
