//! A load that its leader drives while it waits: it is the same load for all others, whatever becomes of its leader.

use std::sync::Arc;

use futures::{future::join_all, poll};
use tokio::time::{Instant, advance};

use super::*;
use crate::{
    auth::Caller,
    cache::{CacheControl, CacheFuture, Exchanged, Expressed, Fetched, NotFetched, PlainGet},
    timeout::{TimedOut, TimeoutLayer},
};

/// The time that a client and a load have.
const LIMIT: Duration = Duration::from_secs(30);

type Later = std::pin::Pin<Box<dyn Future<Output = Result<Fetched, NotFetched>> + Send>>;

fn policy() -> CachePolicy {
    CachePolicy { load_timeout: LIMIT, ..keeping() }
}

/// A plain GET, past the layer.
fn express(cache: &Cache<Upstream>, path: &str) -> Later {
    express_within(LIMIT, cache, path)
}

/// The same with so much time.
fn express_within(time: Duration, cache: &Cache<Upstream>, path: &str) -> Later {
    let limit = TimeoutLayer::new(time).limit();
    let plain = PlainGet {
        request: get(path),
        caller: Caller::Anonymous,
        client: None,
        deadline: limit.deadline(Instant::now()),
        limit,
    };
    let (mut upstream, request) = (cache.inner.clone(), get(path));
    let exchange = || async move { upstream.call(request).await.map(Exchanged::Streamed) };
    match cache.express(plain, |_| {}, exchange) {
        Expressed::Later(later) => later,
        Expressed::Hit(_) => panic!("a fresh answer is stored"),
    }
}

async fn content(fetched: Fetched) -> Result<String, BoxError> {
    let body = fetched.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

/// A leader that has asked, two who wait with it, on either way, and what they ask for.
async fn waiting(cache: &mut Cache<Upstream>, calls: &mut Calls) -> (Later, Later, CacheFuture, Call) {
    let mut leader = express(cache, "/v1/k");
    assert!(poll!(&mut leader).is_pending());
    let call = calls.next().await;
    let mut plain = express(cache, "/v1/k");
    assert!(poll!(&mut plain).is_pending());
    let layered = cache.call(get("/v1/k"));
    calls.assert_none().await;
    (leader, plain, layered, call)
}

/// A request for what is being loaded, or is stored, on its own.
async fn is_stored(cache: &mut Cache<Upstream>, value: &str) -> bool {
    let (status, text) = read(cache.call(get("/v1/k"))).await;
    status.starts_with("kivi; hit") && text == value
}

#[tokio::test(start_paused = true)]
async fn a_leader_and_those_who_wait_have_one_answer() {
    let (mut cache, mut calls, metrics) = cache(policy());
    let (leader, plain, layered, call) = waiting(&mut cache, &mut calls).await;
    assert_eq!(metrics.waiters.get(), 2, "the layer's has not been polled");
    call.ok(&[], "value");
    let leader = leader.await.unwrap();
    assert_eq!(leader.cache_status().unwrap(), "kivi; fwd=miss; stored; ttl=60");
    assert_eq!(content(leader).await.unwrap(), "value");
    let plain = plain.await.unwrap();
    assert_eq!(plain.cache_status().unwrap(), "kivi; fwd=miss; collapsed; stored; ttl=60");
    assert_eq!(content(plain).await.unwrap(), "value");
    assert_eq!(read(layered).await.1, "value");
    assert!(is_stored(&mut cache, "value").await);
    calls.assert_none().await;
    assert_eq!(metrics.waiters.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_has_less_time_joins_no_load_that_has_more() {
    const LESS: Duration = Duration::from_secs(3);
    let (mut cache, mut calls, _) = cache(policy());
    let kept = cache.call(get("/v1/kept"));
    calls.next().await.ok(&[], "kept");
    assert_eq!(read(kept).await.1, "kept");
    let mut before = express(&cache, "/v1/k");
    assert!(poll!(&mut before).is_pending());
    let call = calls.next().await;

    CacheControl::new(Arc::clone(&cache.table)).set_policy(CachePolicy { load_timeout: LESS, ..policy() });
    let start = Instant::now();
    let mut after = express_within(LESS, &cache, "/v1/k");
    assert!(poll!(&mut after).is_pending());
    let _second = calls.next().await;
    assert!(after.await.unwrap_err().error.to_string().contains("3s"));
    assert_eq!(start.elapsed(), LESS);
    call.ok(&[], "value");
    assert_eq!(content(before.await.unwrap()).await.unwrap(), "value", "it has the time it came under");
    let (status, text) = read(cache.call(get("/v1/kept"))).await;
    assert!(status.starts_with("kivi; hit") && text == "kept", "{status}");
}

#[tokio::test(start_paused = true)]
async fn the_load_goes_on_for_those_who_wait_when_its_leader_leaves() {
    let (mut cache, mut calls, _) = cache(policy());
    let (leader, plain, layered, call) = waiting(&mut cache, &mut calls).await;
    drop(leader);
    settle().await;
    call.ok(&[], "value");
    assert_eq!(content(plain.await.unwrap()).await.unwrap(), "value");
    assert_eq!(read(layered).await.1, "value");
    assert!(is_stored(&mut cache, "value").await);
    calls.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn and_when_it_leaves_before_it_has_driven_it_at_all() {
    let (mut cache, mut calls, _) = cache(policy());
    let leader = express(&cache, "/v1/k");
    let layered = cache.call(get("/v1/k"));
    drop(leader);
    calls.next().await.ok(&[], "value");
    assert_eq!(read(layered).await.1, "value");
    calls.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn and_when_it_leaves_with_the_head() {
    let (mut cache, mut calls, _) = cache(policy());
    let (leader, plain, layered, call) = waiting(&mut cache, &mut calls).await;
    let pieces = call.stream(&[]);
    let (leader, plain, layered) = (leader.await.unwrap(), plain.await.unwrap(), layered.await.unwrap());
    drop(leader);
    for part in ["va", "l", "ue"] {
        pieces.send(piece(part)).await.unwrap();
    }
    drop(pieces);
    assert_eq!(content(plain).await.unwrap(), "value");
    assert_eq!(text(layered).await.unwrap(), "value");
    assert!(is_stored(&mut cache, "value").await);
    calls.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn when_all_have_left_the_load_ends() {
    for has_head in [false, true] {
        let (mut cache, mut calls, _) = cache(policy());
        let (leader, plain, layered, call) = waiting(&mut cache, &mut calls).await;
        if has_head {
            let pieces = call.stream(&[]);
            let answers = (leader.await.unwrap(), plain.await.unwrap(), layered.await.unwrap());
            settle().await;
            assert!(!pieces.is_closed());
            drop(answers);
            settle().await;
            assert!(pieces.is_closed());
        } else {
            drop((plain, layered));
            settle().await;
            assert!(!call.reply.is_closed());
            drop(leader);
            settle().await;
            assert!(call.reply.is_closed());
        }
        let again = express(&cache, "/v1/k");
        let (again, ()) = futures::join!(again, async { calls.next().await.ok(&[], "value") });
        assert_eq!(content(again.unwrap()).await.unwrap(), "value");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_comes_though_its_leader_takes_nothing_of_it() {
    let (mut cache, mut calls, _) = cache(policy());
    let (leader, plain, layered, call) = waiting(&mut cache, &mut calls).await;
    let pieces = call.stream(&[]);
    let leader = leader.await.unwrap();
    let sending = tokio::spawn(async move {
        for part in ["v", "a", "l", "u", "e"] {
            tokio::time::sleep(LIMIT / 10).await;
            pieces.send(piece(part)).await.unwrap();
        }
    });
    assert_eq!(content(plain.await.unwrap()).await.unwrap(), "value");
    assert_eq!(read(layered).await.1, "value");
    sending.await.unwrap();
    assert!(is_stored(&mut cache, "value").await);
    assert_eq!(content(leader).await.unwrap(), "value", "and it is all there when it does");
}

/// A body that panics when it is read.
fn panicking() -> Body {
    let pieces =
        futures::stream::poll_fn(|_| -> std::task::Poll<Option<Piece>> { panic!("the body panics") });
    StreamBody::new(pieces).boxed_unsync()
}

#[tokio::test(start_paused = true)]
async fn a_load_that_panics_is_a_failure_for_all_and_frees_the_key() {
    for in_body in [false, true] {
        let (mut cache, mut calls, metrics) = cache(CachePolicy { error_ttl: Duration::ZERO, ..policy() });
        let (leader, plain, layered, call) = waiting(&mut cache, &mut calls).await;
        if in_body {
            call.answer(response(200, &[], panicking()));
        } else {
            drop(call);
        }
        // In the hands of its leader: nobody else drives it.
        let failed = leader.await.unwrap_err();
        assert!(matches!(fill_failed(&failed.error), FillFailed::Died));
        assert_eq!(failed.trail.cache_status("died").unwrap(), "kivi; fwd=miss; detail=died");
        assert!(matches!(fill_failed(&plain.await.unwrap_err().error), FillFailed::Died));
        assert!(matches!(fill_failed(&layered.await.unwrap_err()), FillFailed::Died));
        assert_eq!((metrics.fill_failed.get(), metrics.waiters.get()), (1, 0));
        let again = express(&cache, "/v1/k");
        let (again, ()) = futures::join!(again, async { calls.next().await.ok(&[], "value") });
        assert_eq!(content(again.unwrap()).await.unwrap(), "value");
    }
}

fn is_late(error: &BoxError) -> bool {
    error.is::<TimedOut>() || error.downcast_ref().is_some_and(FillFailed::is_timeout)
}

#[tokio::test(start_paused = true)]
async fn a_load_has_its_time_and_so_has_each_who_waits() {
    let (mut cache, mut calls, _) = cache(policy());
    let began = Instant::now();
    let (leader, plain, _layered, call) = waiting(&mut cache, &mut calls).await;
    advance(LIMIT / 2).await;
    let late = express(&cache, "/v1/k");
    for outcome in join_all([leader, plain, late]).await {
        assert!(is_late(&outcome.unwrap_err().error));
    }
    let passed = began.elapsed();
    assert!(passed >= LIMIT && passed < LIMIT + Duration::from_millis(10), "{passed:?}");
    assert!(call.reply.is_closed());
}

/// The leader's own time is not the load's: what comes slowly behind a head that was in time is no failure.
#[tokio::test(start_paused = true)]
async fn a_leader_that_leaves_does_not_take_time_from_the_load() {
    let (mut cache, mut calls, _) = cache(policy());
    let (leader, plain, layered, call) = waiting(&mut cache, &mut calls).await;
    advance(LIMIT / 2).await;
    drop(leader);
    advance(LIMIT / 4).await;
    call.ok(&[], "value");
    assert_eq!(content(plain.await.unwrap()).await.unwrap(), "value");
    assert_eq!(read(layered).await.1, "value");
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_its_leader_only_is_the_leaders_and_others_ask_on_their_own() {
    let (mut cache, mut calls, _) = cache(policy());
    let (leader, plain, layered, call) = waiting(&mut cache, &mut calls).await;
    call.ok(&[("cache-control", "private")], "mine");
    assert_eq!(content(leader.await.unwrap()).await.unwrap(), "mine");
    let others = async {
        calls.next().await.ok(&[("cache-control", "private")], "yours");
        calls.next().await.ok(&[("cache-control", "private")], "yours");
    };
    let (plain, layered, ()) = futures::join!(plain, read(layered), others);
    assert_eq!(content(plain.unwrap()).await.unwrap(), "yours");
    assert_eq!(layered.1, "yours");
    // Nor is it for anybody when its leader has left.
    let (mut cache, mut calls, _) = super::cache(policy());
    let (leader, plain, layered, call) = waiting(&mut cache, &mut calls).await;
    drop(leader);
    call.ok(&[("cache-control", "private")], "its");
    let others = async {
        calls.next().await.ok(&[], "yours");
        calls.next().await.ok(&[], "yours");
    };
    let (plain, layered, ()) = futures::join!(plain, read(layered), others);
    assert_eq!((content(plain.unwrap()).await.unwrap(), layered.1), ("yours".into(), "yours".into()));
}

#[tokio::test(start_paused = true)]
async fn during_a_write_loads_go_one_after_the_other() {
    let (mut cache, mut calls, _) = cache(policy());
    let write = cache.call(put("/v1/k"));
    let write = tokio::spawn(write);
    let written = calls.next().await;
    let first = tokio::spawn(express(&cache, "/v1/k"));
    let before = calls.next().await;
    let second = tokio::spawn(express(&cache, "/v1/k"));
    calls.assert_none().await;
    before.ok(&[], "old");
    assert_eq!(content(first.await.unwrap().unwrap()).await.unwrap(), "old");
    calls.next().await.ok(&[], "new");
    assert_eq!(content(second.await.unwrap().unwrap()).await.unwrap(), "new");
    written.ok(&[], "");
    write.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_and_stale_is_validated() {
    let (cache, mut calls, _) = cache(policy());
    let first = tokio::spawn(express(&cache, "/v1/k"));
    calls.next().await.ok(&[("etag", "\"1\"")], "value");
    assert_eq!(content(first.await.unwrap().unwrap()).await.unwrap(), "value");
    tokio::time::sleep(Duration::from_secs(61)).await;
    let again = tokio::spawn(express(&cache, "/v1/k"));
    let call = calls.next().await;
    assert_eq!(call.request.headers()["if-none-match"], "\"1\"");
    call.answer(response(304, &[("etag", "\"1\"")], whole("")));
    let again = again.await.unwrap().unwrap();
    let status = again.headers()["cache-status"].to_str().unwrap().to_owned();
    assert_eq!(status, "kivi; fwd=stale; fwd-status=304; stored; ttl=60");
    assert_eq!(content(again).await.unwrap(), "value");
}
