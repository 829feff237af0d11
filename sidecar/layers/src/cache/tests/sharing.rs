//! Who may have an answer, learned when its headers are there.

use futures::future::join_all;
use tokio::time::sleep;

use super::*;
use crate::{auth::Caller, cache::SplitBy};

const UNSHARED_TTL: Duration = Duration::from_secs(1);
const PRIVATE: &[(&str, &str)] = &[("cache-control", "private")];

// varnish#2978, and nginx, which remembers nothing: one after the other behind a lock.
#[tokio::test(start_paused = true)]
async fn an_answer_for_one_request_goes_to_the_leader_and_the_others_are_not_serialised() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let leader = cache.call(get("/v1/k"));
    let others: Vec<_> = (0..9).map(|_| tokio::spawn(cache.call(get("/v1/k")))).collect();
    calls.next().await.ok(PRIVATE, "the leader's");
    assert_eq!(read(leader).await, ("kivi; fwd=miss; detail=directive".into(), "the leader's".into()));
    // All at once, although none of them is answered.
    let own = calls.take_all().await;
    assert_eq!(own.len(), 9);
    for call in own {
        call.ok(PRIVATE, "its own");
    }
    for other in join_all(others).await {
        assert_eq!(text(other.unwrap().unwrap()).await.unwrap(), "its own");
    }
    assert_eq!(metrics.entries.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_with_such_answers_is_not_coalesced_until_that_is_forgotten() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let first = cache.call(get("/v1/k"));
    calls.next().await.ok(PRIVATE, "");
    first.await.unwrap();
    let meanwhile: Vec<_> = (0..3).map(|_| tokio::spawn(cache.call(get("/v1/k")))).collect();
    let own = calls.take_all().await;
    assert_eq!(own.len(), 3);
    for call in own {
        call.ok(&[], "public now");
    }
    for answer in meanwhile {
        assert_eq!(read(async { answer.await.unwrap() }).await.0, "kivi; fwd=bypass; detail=hit-for-miss");
    }
    assert_eq!(metrics.hit_for_miss.get(), 3);
    sleep(UNSHARED_TTL).await;
    let after: Vec<_> = (0..3).map(|_| cache.call(get("/v1/k"))).collect();
    calls.next().await.ok(&[], "public now");
    assert!(join_all(after).await.iter().all(Result::is_ok));
    calls.assert_none().await;
    assert!(read(cache.call(get("/v1/k"))).await.0.starts_with("kivi; hit"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_a_leader_that_left_is_for_nobody() {
    let (mut cache, mut calls, _) = cache(keeping());
    let leader = cache.call(get("/v1/k"));
    let other = tokio::spawn(cache.call(get("/v1/k")));
    let call = calls.next().await;
    drop(leader);
    let pieces = call.stream(PRIVATE);
    calls.next().await.ok(PRIVATE, "its own");
    assert!(pieces.is_closed());
    assert_eq!(read(async { other.await.unwrap() }).await.1, "its own");
}

// trafficserver#3811: one client's mistake was everybody's answer.
#[tokio::test(start_paused = true)]
async fn one_bad_request_does_not_end_the_coalescing_of_others() {
    let (mut cache, mut calls, _) = cache(keeping());
    let bad = cache.call(get("/v1/k"));
    calls.next().await.answer(response(400, &[], whole("")));
    assert_eq!(bad.await.unwrap().status(), 400);
    let good: Vec<_> = (0..3).map(|_| cache.call(get("/v1/k"))).collect();
    assert_eq!(calls.take_all().await.len(), 1);
    drop(good);
}

// varnish#3992, #4032: those whom the answer does not match wait again, one after the other.
#[tokio::test(start_paused = true)]
async fn a_vary_that_is_learned_late_gives_each_waiter_its_own_variant() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let languages = ["de", "fr", "de", "it", "fr", "de"];
    let waiting: Vec<_> = languages
        .map(|language| tokio::spawn(cache.call(request("GET", "/v1/k", &[("accept-language", language)]))))
        .into();
    let answer = |call: Call| {
        let language = call.request.headers()["accept-language"].clone();
        let mut response = response(200, &[("vary", "Accept-Language")], whole("value"));
        response.headers_mut().insert("content-language", language);
        call.answer(response);
    };
    answer(calls.next().await);
    // The two that are left load side by side: each knows from the first what the answers vary by.
    let others = calls.take_all().await;
    assert_eq!(others.len(), 2);
    for call in others {
        answer(call);
    }
    for (language, waiter) in languages.into_iter().zip(waiting) {
        assert_eq!(waiter.await.unwrap().unwrap().headers()["content-language"], language);
    }
    settle().await;
    assert_eq!((metrics.miss.get(), metrics.entries.get()), (3, 3));
    for language in languages {
        let hit = cache.call(request("GET", "/v1/k", &[("accept-language", language)])).await.unwrap();
        assert_eq!(hit.headers()["content-language"], language);
        assert_eq!(cache_status(&hit), "kivi; hit; ttl=59");
    }
    calls.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn a_variant_is_found_however_the_request_writes_its_list() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let ask = |line| request("GET", "/v1/k", &[("accept-encoding", line)]);
    let answer = cache.call(ask("gzip, br"));
    calls.next().await.ok(&[("vary", "Accept-Encoding")], "value");
    assert_eq!(read(answer).await.1, "value");
    settle().await;
    assert_eq!(read(cache.call(ask("GZip,br"))).await.0, "kivi; hit; ttl=59");
    let plain = cache.call(get("/v1/k"));
    calls.next().await.ok(&[("vary", "Accept-Encoding")], "plain");
    assert_eq!(read(plain).await.1, "plain");
    settle().await;
    assert_eq!(metrics.entries.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_vary_that_changes_with_each_answer_ends_in_a_load_of_ones_own() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let mut leaders = Vec::new();
    let distinct = [("x-a", "1"), ("x-b", "1"), ("x-c", "1"), ("x-d", "1")];
    leaders.push(tokio::spawn(cache.call(get("/v1/k"))));
    let waiter = tokio::spawn(cache.call(request("GET", "/v1/k", &distinct)));
    for (vary, _) in distinct {
        for call in calls.take_all().await {
            // Another leads each time, so that the waiter waits again.
            call.ok(&[("vary", vary)], "value");
        }
        leaders.push(tokio::spawn(cache.call(get("/v1/k"))));
    }
    for call in calls.take_all().await {
        call.ok(&[], "value");
    }
    assert_eq!(read(async { waiter.await.unwrap() }).await.1, "value");
}

// cache-handler#82: a key without the credentials.
#[tokio::test(start_paused = true)]
async fn answers_to_credentials_are_not_shared_and_do_not_touch_the_public_ones() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let with =
        |cache: &mut Cache<Upstream>| cache.call(request("GET", "/v1/k", &[("authorization", "Basic x")]));
    let secret = with(&mut cache);
    calls.next().await.ok(&[("cache-control", "max-age=60")], "secret");
    assert_eq!(read(secret).await, ("kivi; fwd=miss; detail=credentials".into(), "secret".into()));
    let anyone = [cache.call(get("/v1/k")), cache.call(get("/v1/k"))];
    calls.next().await.ok(&[], "public");
    for answer in anyone {
        assert_eq!(read(answer).await.1, "public");
    }
    sleep(UNSHARED_TTL).await;
    let allowed = with(&mut cache);
    calls.next().await.ok(&[("cache-control", "public, max-age=60")], "for all");
    assert_eq!(read(allowed).await.0, "kivi; fwd=miss; stored; ttl=60");
    assert!(read(with(&mut cache)).await.0.starts_with("kivi; hit"));
    assert_eq!(metrics.entries.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn callers_are_split_as_the_policy_says() {
    let policy = CachePolicy { split_by: vec![SplitBy::Token, SplitBy::Client], ..keeping() };
    let (mut cache, mut calls, _) = cache(policy);
    let ask = |cache: &mut Cache<Upstream>, token: u8, address: &str| {
        let mut request = get("/v1/k");
        request.extensions_mut().insert(Caller::Token([token; 32]));
        let address = address.parse().unwrap();
        request.extensions_mut().insert(Peer { address: Some(address), tls: true });
        cache.call(request)
    };
    let callers = [(1, "10.0.0.1:1"), (2, "10.0.0.1:1"), (1, "10.0.0.2:1")];
    for (token, address) in callers {
        let answer = ask(&mut cache, token, address);
        calls.next().await.ok(&[], "value");
        assert_eq!(read(answer).await.0, "kivi; fwd=miss; stored; ttl=60");
    }
    assert!(read(ask(&mut cache, 1, "10.0.0.1:2")).await.0.starts_with("kivi; hit"));
}

#[tokio::test(start_paused = true)]
async fn hosts_are_split_as_the_policy_says_and_a_write_reaches_all_of_them() {
    let policy = CachePolicy { split_by: vec![SplitBy::Host], ..keeping() };
    let (mut cache, mut calls, metrics) = cache(policy);
    for (host, body) in [("a.example", "of a"), ("b.example", "of b")] {
        let answer = cache.call(request("GET", "/v1/k", &[("host", host)]));
        calls.next().await.ok(&[], body);
        assert_eq!(read(answer).await.1, body);
        settle().await;
        assert_eq!(read(cache.call(request("GET", "/v1/k", &[("host", host)]))).await.1, body);
    }
    let write = tokio::spawn(cache.call(request("PUT", "/v1/k", &[("host", "a.example")])));
    calls.next().await.answer(response(204, &[], whole("")));
    write.await.unwrap().unwrap();
    assert_eq!(metrics.entries.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_not_for_the_cache_say_so() {
    let (mut cache, mut calls, _) = cache(keeping());
    for (asked, expected) in [
        (request("GET", "/v1/k", &[("range", "bytes=0-1")]), "kivi; fwd=bypass; detail=range"),
        (request("GET", "/v1/k", &[("if-match", "\"1\"")]), "kivi; fwd=bypass; detail=conditional"),
        (request("HEAD", "/v1/k", &[]), "kivi; fwd=bypass; detail=head"),
        (request("GET", "/v1/k", &[("cache-control", "no-store")]), "kivi; fwd=request"),
        (request("OPTIONS", "/v1/k", &[]), "kivi; fwd=method"),
        (put("/v1/k"), "kivi; fwd=method"),
    ] {
        let headers = asked.headers().clone();
        let answer = cache.call(asked);
        let call = tokio::spawn(async move { read(answer).await.0 });
        let forwarded = calls.next().await;
        assert_eq!(forwarded.request.headers(), &headers);
        forwarded.ok(&[], "");
        assert_eq!(call.await.unwrap(), expected);
    }
}

const TAGGED: &[(&str, &str)] = &[("etag", "\"7\""), ("content-type", "text/plain")];

fn unless(tags: &'static str) -> Request<Empty<Bytes>> {
    request("GET", "/v1/k", &[("if-none-match", tags)])
}

#[tokio::test(start_paused = true)]
async fn a_stampede_of_conditions_is_one_load_of_the_whole() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let waiting: Vec<_> = (0..200).map(|_| tokio::spawn(cache.call(unless("\"6\", \"7\"")))).collect();
    let other = cache.call(unless("\"6\""));
    let load = calls.next().await;
    assert!(!load.request.headers().contains_key("if-none-match"));
    load.ok(TAGGED, "value");
    for (index, answer) in join_all(waiting).await.into_iter().enumerate() {
        let answer = answer.unwrap().unwrap();
        let collapsed = if index == 0 { "" } else { "; collapsed" };
        let expected = format!("kivi; fwd=miss; fwd-status=200{collapsed}; stored; ttl=60");
        assert_eq!((answer.status().as_u16(), cache_status(&answer)), (304, expected.as_str()));
        assert_eq!(answer.headers()["etag"], "\"7\"");
        assert!(!answer.headers().contains_key("content-type"));
        assert_eq!(text(answer).await.unwrap(), "");
    }
    assert_eq!(read(other).await.1, "value");
    calls.assert_none().await;
    assert_eq!((metrics.miss.get(), metrics.entries.get()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_load_goes_on_for_the_store_when_all_have_what_they_asked_for() {
    for (policy, goes_on) in [(keeping(), true), (coalescing(), false)] {
        let (mut cache, mut calls, _) = cache(policy);
        let answer = cache.call(unless("\"7\""));
        let pieces = calls.next().await.stream(TAGGED);
        pieces.send(piece("val")).await.unwrap();
        assert_eq!(answer.await.unwrap().status(), 304);
        settle().await;
        assert_eq!(!pieces.is_closed(), goes_on);
        if goes_on {
            pieces.send(piece("ue")).await.unwrap();
            drop(pieces);
            settle().await;
            assert_eq!(read(cache.call(get("/v1/k"))).await, ("kivi; hit; ttl=59".into(), "value".into()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_condition_is_answered_from_an_answer_for_one_request_too() {
    let (mut cache, mut calls, _) = cache(keeping());
    let leader = cache.call(unless("\"7\""));
    let other = tokio::spawn(cache.call(unless("\"7\"")));
    let own =
        [("cache-control", "private"), ("etag", "\"7\""), ("set-cookie", "a=1"), ("content-type", "a/b")];
    calls.next().await.ok(&own, "value");
    let answer = leader.await.unwrap();
    assert_eq!((answer.status().as_u16(), cache_status(&answer)), (304, "kivi; fwd=miss; detail=directive"));
    assert_eq!(answer.headers()["set-cookie"], "a=1");
    assert!(!answer.headers().contains_key("content-type"));
    assert_eq!(text(answer).await.unwrap(), "");
    // Who goes on alone asks for itself.
    let call = calls.next().await;
    assert_eq!(call.request.headers()["if-none-match"], "\"7\"");
    call.answer(response(304, &own, whole("")));
    assert_eq!(other.await.unwrap().unwrap().status(), 304);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_kept_those_with_the_same_copy_share_one_304() {
    let (mut cache, mut calls, metrics) = cache(coalescing());
    let same: Vec<_> = (0..200).map(|_| tokio::spawn(cache.call(unless("\"7\"")))).collect();
    settle().await;
    let others = [unless("\"6\""), get("/v1/k"), get("/v1/k")].map(|request| cache.call(request));
    let load = calls.next().await;
    assert_eq!(load.request.headers()["if-none-match"], "\"7\"");
    load.answer(response(304, &[("etag", "\"7\""), ("content-length", "5")], whole("")));
    for (index, answer) in join_all(same).await.into_iter().enumerate() {
        let answer = answer.unwrap().unwrap();
        let expected = if index == 0 { "kivi; fwd=miss" } else { "kivi; fwd=miss; collapsed" };
        assert_eq!((answer.status().as_u16(), cache_status(&answer)), (304, expected));
        assert_eq!(answer.headers()["etag"], "\"7\"");
        assert_eq!(text(answer).await.unwrap(), "");
    }
    let others: Vec<_> = others.into_iter().map(tokio::spawn).collect();
    for load in calls.take_all().await {
        load.ok(TAGGED, "value");
    }
    for other in others {
        assert_eq!(read(async { other.await.unwrap() }).await.1, "value");
    }
    calls.assert_none().await;
    assert!(metrics.miss.get() <= 3, "{}", metrics.miss.get());
    // Nobody who comes later has that 304.
    let later = cache.call(unless("\"7\""));
    calls.next().await.ok(&[("etag", "\"8\"")], "newer");
    assert_eq!(read(later).await, ("kivi; fwd=miss".into(), "newer".into()));
}

#[tokio::test(start_paused = true)]
async fn a_304_that_says_the_answer_may_be_kept_leads_to_a_load_of_the_whole() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let answer = cache.call(unless("\"7\""));
    let fresh = [("etag", "\"7\""), ("cache-control", "max-age=60")];
    calls.next().await.answer(response(304, &fresh, whole("")));
    let load = calls.next().await;
    assert!(!load.request.headers().contains_key("if-none-match"));
    load.ok(&fresh, "value");
    let answer = answer.await.unwrap();
    let expected = "kivi; fwd=miss; fwd-status=200; stored; ttl=60";
    assert_eq!((answer.status().as_u16(), cache_status(&answer)), (304, expected));
    settle().await;
    assert_eq!(read(cache.call(get("/v1/k"))).await, ("kivi; hit; ttl=59".into(), "value".into()));
}

#[tokio::test(start_paused = true)]
async fn a_304_that_nobody_asked_for_is_its_leaders() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let leader = cache.call(get("/v1/k"));
    let other = tokio::spawn(cache.call(get("/v1/k")));
    calls.next().await.answer(response(304, &[], whole("")));
    assert_eq!(leader.await.unwrap().status(), 304);
    calls.next().await.ok(&[], "value");
    assert_eq!(read(async { other.await.unwrap() }).await.1, "value");
}
