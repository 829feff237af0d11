//! What reaches a running cache from outside: another policy, a purge, the feed of changes.

use std::sync::Arc;

use http::HeaderName;

use super::*;
use crate::cache::{
    CacheControl, FeedState, Purge, Purged, SplitBy,
    found::Found,
    key::{CacheKey, Requester},
    table::Table,
};

fn steered(policy: CachePolicy) -> (Cache<Upstream>, Calls, CacheMetrics, CacheControl) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let metrics = CacheMetrics::default();
    let peer_of = |extensions: &http::Extensions| extensions.get().copied().unwrap_or_default();
    let layer = CacheLayer::new(policy, peer_of, metrics.clone());
    (layer.layer(Upstream(sender)), Calls(receiver), metrics, layer.control())
}

/// Loads what is not kept.
async fn load(
    cache: &mut Cache<Upstream>,
    calls: &mut Calls,
    request: Request<Empty<Bytes>>,
    body: &'static str,
) {
    let answer = cache.call(request);
    calls.next().await.ok(&[], body);
    assert_eq!(read(answer).await.1, body);
    settle().await;
}

/// Asks for what is kept.
async fn kept(cache: &mut Cache<Upstream>, calls: &mut Calls, request: Request<Empty<Bytes>>) -> String {
    let (status, body) = read(cache.call(request)).await;
    assert!(status.starts_with("kivi; hit"), "{status}");
    calls.assert_none().await;
    body
}

fn resource(path: &str) -> Purge {
    Purge::path(path)
}

// === Purge ===

#[tokio::test(start_paused = true)]
async fn a_purge_of_a_key_drops_all_of_its_entries_and_nothing_else() {
    let (mut cache, mut calls, metrics, control) = steered(keeping());
    for path in ["/v1/k", "/v1/k?a", "/v1/%6b", "/v1/kk"] {
        load(&mut cache, &mut calls, get(path), "old").await;
    }
    let purged = control.purge(&resource("/v1/k"));
    assert_eq!((purged.answers, purged.loads), (3, 0));
    assert!(purged.bytes > 0);
    assert_eq!((metrics.purged.get(), metrics.entries.get()), (3, 1));
    for path in ["/v1/k", "/v1/k?a", "/v1/%6b"] {
        load(&mut cache, &mut calls, get(path), "new").await;
    }
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/kk")).await, "old");
    assert_eq!(control.purge(&resource("/v1/other")), Purged::default());
}

#[tokio::test(start_paused = true)]
async fn a_purge_of_a_prefix_matches_decoded_bytes() {
    let (mut cache, mut calls, metrics, control) = steered(keeping());
    for path in ["/v1/a/1", "/v1/a%2F2", "/v1/ab", "/v1/b"] {
        load(&mut cache, &mut calls, get(path), "old").await;
    }
    assert_eq!(control.purge(&Purge::path_prefix("/v1/a/")).answers, 2);
    assert_eq!(control.purge(&Purge::path_prefix("/v1/a")).answers, 1);
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/b")).await, "old");
    assert_eq!(control.purge(&Purge::All).answers, 1);
    assert_eq!((metrics.entries.get(), metrics.bytes.get()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_load_from_before_a_purge_answers_its_waiters_and_nobody_after_it() {
    for what in [resource("/v1/k"), Purge::path_prefix("/v1/"), Purge::All] {
        let (mut cache, mut calls, metrics, control) = steered(keeping());
        let before = cache.call(get("/v1/k"));
        let old = calls.next().await;
        assert_eq!(control.purge(&what), Purged { loads: 1, ..Purged::default() }, "{what:?}");
        let after = cache.call(get("/v1/k"));
        let new = calls.next().await;
        old.ok(&[], "old");
        assert_eq!(read(before).await.1, "old");
        settle().await;
        assert_eq!(metrics.entries.get(), 0, "{what:?}: it is not stored");
        new.ok(&[], "new");
        assert_eq!(read(after).await.1, "new");
        assert_eq!(kept(&mut cache, &mut calls, get("/v1/k")).await, "new");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_loads_is_not_joined_after_a_purge() {
    let (mut cache, mut calls, _, control) = steered(coalescing());
    let before = cache.call(get("/v1/?prefix=k"));
    let old = calls.next().await;
    control.purge(&resource("/v1/k"));
    let after = cache.call(get("/v1/?prefix=k"));
    calls.next().await.ok(&[], "new");
    assert_eq!(read(after).await.1, "new");
    old.ok(&[], "old");
    assert_eq!(read(before).await.1, "old");
}

#[tokio::test(start_paused = true)]
async fn a_purge_forgets_a_failure() {
    let (mut cache, mut calls, _, control) = steered(coalescing());
    let failing = cache.call(get("/v1/k"));
    calls.next().await.refuse("down");
    assert!(failing.await.is_err());
    assert!(cache.call(get("/v1/k")).await.is_err());
    calls.assert_none().await;
    control.purge(&resource("/v1/k"));
    load(&mut cache, &mut calls, get("/v1/k"), "up").await;
}

// === Policy ===

#[tokio::test(start_paused = true)]
async fn a_smaller_bound_evicts_at_once_and_what_fits_stays() {
    let (mut cache, mut calls, metrics, control) = steered(keeping());
    for path in ["/v1/a", "/v1/b", "/v1/c", "/v1/d"] {
        load(&mut cache, &mut calls, get(path), "value").await;
    }
    let half = metrics.bytes.get().cast_unsigned() / 2;
    control.set_policy(CachePolicy { max_bytes: half, ..keeping() });
    assert!(metrics.bytes.get().cast_unsigned() <= half);
    assert_eq!((metrics.entries.get(), metrics.evicted.get()), (2, 2));
    control.set_policy(CachePolicy { max_bytes: 0, ..keeping() });
    assert_eq!((metrics.entries.get(), metrics.bytes.get()), (0, 0));
    load(&mut cache, &mut calls, get("/v1/a"), "value").await;
    assert_eq!(metrics.entries.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_judged_by_another_ttl_is_not_served() {
    let (mut cache, mut calls, metrics, control) = steered(keeping());
    load(&mut cache, &mut calls, get("/v1/k"), "old").await;
    let before = cache.call(get("/v1/l"));
    let loading = calls.next().await;
    control.set_policy(CachePolicy { ttl: Duration::from_secs(2), ..keeping() });
    assert_eq!(metrics.entries.get(), 0);
    loading.ok(&[], "old");
    assert_eq!(read(before).await.1, "old");
    let answer = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "new");
    assert_eq!(read(answer).await, ("kivi; fwd=miss; stored; ttl=2".to_owned(), "new".to_owned()));
    load(&mut cache, &mut calls, get("/v1/l"), "new").await;
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/l")).await, "new");
}

#[tokio::test(start_paused = true)]
async fn a_new_separation_shows_nobody_what_was_shared_before() {
    let (mut cache, mut calls, _, control) = steered(keeping());
    let account = |name| request("GET", "/v1/k", &[("x-account", name)]);
    load(&mut cache, &mut calls, account("a"), "for all").await;
    assert_eq!(kept(&mut cache, &mut calls, account("b")).await, "for all");
    let by_account = SplitBy::Header(HeaderName::from_static("x-account"));
    control.set_policy(CachePolicy { split_by: vec![by_account], ..keeping() });
    load(&mut cache, &mut calls, get("/v1/k"), "for nobody").await;
    load(&mut cache, &mut calls, account("a"), "for a").await;
    load(&mut cache, &mut calls, account("b"), "for b").await;
    assert_eq!(kept(&mut cache, &mut calls, account("a")).await, "for a");
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/k")).await, "for nobody");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_sorted_by_the_policy_before_finds_nothing_and_leaves_nothing() {
    let table = Arc::new(Table::new(keeping(), CacheMetrics::default()));
    let uri = http::Uri::from_static("/v1/k");
    let headers = HeaderMap::new();
    let key = |generation| {
        let key = CacheKey::of(&uri, &headers, Requester::default(), &[]);
        CacheKey { generation, ..key }
    };
    let sorted_before = key(table.policy().generation());
    table.set_policy(CachePolicy { max_bytes: 1, ..keeping() });
    assert!(
        matches!(table.find(&sorted_before, &headers, None), Found::Leads { .. }),
        "a size sorts nothing anew"
    );
    table.set_policy(CachePolicy { split_by: vec![SplitBy::Token], ..keeping() });
    assert!(matches!(table.find(&sorted_before, &headers, None), Found::Outdated));
    let sorted_now = key(table.policy().generation());
    assert!(matches!(table.find(&sorted_now, &headers, None), Found::Leads { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_smaller_largest_object_is_for_the_next_load() {
    let (mut cache, mut calls, metrics, control) = steered(keeping());
    load(&mut cache, &mut calls, get("/v1/k"), "0123456789").await;
    control.set_policy(CachePolicy { max_object_bytes: 5, ..keeping() });
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/k")).await, "0123456789");
    load(&mut cache, &mut calls, get("/v1/l"), "0123456789").await;
    assert_eq!(metrics.entries.get(), 1);
}

// === The feed of changes ===

#[tokio::test(start_paused = true)]
async fn a_change_elsewhere_drops_what_is_kept_and_detaches_what_loads() {
    let (mut cache, mut calls, metrics, control) = steered(keeping());
    control.set_feed(FeedState::Current);
    load(&mut cache, &mut calls, get("/v1/k"), "old").await;
    control.changed(b"/v1/k");
    assert_eq!((metrics.entries.get(), metrics.purged.get()), (0, 0));
    let before = cache.call(get("/v1/k"));
    let loading = calls.next().await;
    control.changed(b"/v1/k");
    let after = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "new");
    loading.ok(&[], "old");
    assert_eq!(read(before).await.1, "old");
    assert_eq!(read(after).await.1, "new");
    settle().await;
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/k")).await, "new");
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_kept_until_the_next_change_of_any_key() {
    let (mut cache, mut calls, _, control) = steered(keeping());
    control.set_feed(FeedState::Current);
    load(&mut cache, &mut calls, get("/v1/?prefix=a"), "old").await;
    load(&mut cache, &mut calls, get("/v1/a"), "old").await;
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/?prefix=a")).await, "old");
    control.changed(b"/v1/b");
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/a")).await, "old");
    load(&mut cache, &mut calls, get("/v1/?prefix=a"), "new").await;
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/?prefix=a")).await, "new");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_outdates_listings_and_leaves_the_rest_to_the_feed() {
    let (mut cache, mut calls, _, control) = steered(keeping());
    control.set_feed(FeedState::Current);
    for path in ["/v1/", "/v1/a", "/v1/b"] {
        load(&mut cache, &mut calls, get(path), "old").await;
    }
    let posting = tokio::spawn(cache.call(request("POST", "/v1/", &[])));
    calls.next().await.ok(&[], "done");
    posting.await.unwrap().unwrap();
    control.changed(b"/v1/a");
    for path in ["/v1/", "/v1/a"] {
        load(&mut cache, &mut calls, get(path), "new").await;
    }
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/b")).await, "old");
}

#[tokio::test(start_paused = true)]
async fn nothing_kept_is_served_while_the_feed_is_behind() {
    let (mut cache, mut calls, _, control) = steered(keeping());
    load(&mut cache, &mut calls, get("/v1/k"), "old").await;
    control.set_feed(FeedState::Behind);
    let answer = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "new");
    assert_eq!(read(answer).await, ("kivi; fwd=stale; stored; ttl=60".to_owned(), "new".to_owned()),);
    settle().await;
    let only = request("GET", "/v1/k", &[("cache-control", "only-if-cached")]);
    assert_eq!(read(cache.call(only)).await.0, "kivi; detail=only-if-cached");
    // It coalesces all the same.
    let (first, second) = (cache.call(get("/v1/k")), cache.call(get("/v1/k")));
    calls.next().await.ok(&[], "newer");
    assert_eq!((read(first).await.1, read(second).await.1), ("newer".to_owned(), "newer".to_owned()));
    settle().await;
    control.set_feed(FeedState::Current);
    assert_eq!(kept(&mut cache, &mut calls, get("/v1/k")).await, "newer");
}

#[tokio::test(start_paused = true)]
async fn behind_a_break_a_failure_is_covered_only_where_the_policy_allows_it() {
    for (stale_if_error, covered) in [(Duration::ZERO, false), (Duration::from_mins(5), true)] {
        let (mut cache, mut calls, _, control) = steered(CachePolicy { stale_if_error, ..keeping() });
        control.set_feed(FeedState::Current);
        load(&mut cache, &mut calls, get("/v1/k"), "old").await;
        control.set_feed(FeedState::Behind);
        let answer = tokio::spawn(cache.call(get("/v1/k")));
        calls.next().await.refuse("down");
        assert_eq!(answer.await.unwrap().is_ok(), covered, "the answer is still fresh");
        assert_eq!(cache.call(get("/v1/k")).await.is_ok(), covered, "and so is the next");
        calls.assert_none().await;
        control.changed(b"/v1/k");
        let answer = tokio::spawn(cache.call(get("/v1/k")));
        calls.next().await.refuse("down");
        assert!(answer.await.unwrap().is_err(), "nothing outlives a change");
    }
}
