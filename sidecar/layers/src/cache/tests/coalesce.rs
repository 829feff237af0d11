//! One load a key, whoever comes and leaves.

use futures::future::join_all;
use tokio::time::{Instant, advance};

use super::*;
use crate::timeout::Deadline;

async fn one_load_for(requests: usize) {
    let (mut cache, mut calls, metrics) = cache(coalescing());
    let waiting: Vec<_> = (0..requests).map(|_| tokio::spawn(cache.call(get("/v1/k")))).collect();
    let call = calls.next().await;
    settle().await;
    assert_eq!(metrics.waiters.get(), i64::try_from(requests).unwrap());
    call.ok(&[("etag", "\"7\"")], "value");
    let answers = join_all(waiting).await;
    let mut collapsed = 0;
    for answer in answers {
        let response = answer.unwrap().unwrap();
        assert_eq!(response.headers()["etag"], "\"7\"");
        match cache_status(&response) {
            "kivi; fwd=miss" => {}
            "kivi; fwd=miss; collapsed" => collapsed += 1,
            other => panic!("{other}"),
        }
        assert_eq!(text(response).await.unwrap(), "value");
    }
    assert_eq!(collapsed, requests - 1);
    assert_eq!(metrics.miss.get(), 1);
    assert_eq!(metrics.coalesced.get(), requests as u64 - 1);
    assert_eq!(metrics.waiters.get(), 0);
    calls.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn two_hundred_requests_are_one_load() {
    one_load_for(200).await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_requests_are_one_load() {
    one_load_for(10_000).await;
}

// nginx#1189: waiters look again each 500 ms.
#[tokio::test(start_paused = true)]
async fn waiters_wake_at_once_and_in_the_order_in_which_they_came() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let (done, mut order) = mpsc::unbounded_channel();
    for number in 0..1000 {
        let (answer, done) = (cache.call(get("/v1/k")), done.clone());
        tokio::spawn(async move { done.send((number, text(answer.await.unwrap()).await.unwrap())) });
    }
    drop(done);
    let call = calls.next().await;
    settle().await;
    let answered = Instant::now();
    call.ok(&[], "value");
    for number in 0..1000 {
        assert_eq!(order.recv().await.unwrap(), (number, "value".to_owned()));
    }
    assert_eq!(answered.elapsed(), Duration::ZERO);
}

// pingora#798, #800: a waiter is held until the lock's time is up, whether its client is there or not.
#[tokio::test(start_paused = true)]
async fn a_waiter_whose_client_leaves_is_gone_at_once() {
    let (mut cache, mut calls, metrics) = cache(coalescing());
    let stays = tokio::spawn(cache.call(get("/v1/k")));
    let leave: Vec<_> = (0..100).map(|_| tokio::spawn(cache.call(get("/v1/k")))).collect();
    let call = calls.next().await;
    settle().await;
    assert_eq!(metrics.waiters.get(), 101);
    for waiter in leave {
        waiter.abort();
    }
    settle().await;
    assert_eq!(metrics.waiters.get(), 1);
    call.ok(&[], "value");
    assert_eq!(read(async { stays.await.unwrap() }).await.1, "value");
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_readers_hold_one_body() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let waiting: Vec<_> = (0..10_000).map(|_| cache.call(get("/v1/k"))).collect();
    let pieces = calls.next().await.stream(&[]);
    let answers = join_all(waiting).await;
    let mut bodies: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().into_body()).collect();
    for part in ["one", "two"] {
        let data = Bytes::from(part.to_owned());
        pieces.send(piece(data.clone())).await.unwrap();
        for body in &mut bodies {
            let read = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(read.as_ptr_range(), data.as_ptr_range());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_little_more_than_its_request() {
    let (mut cache, _calls, _) = cache(coalescing());
    let (leader, other) = (cache.call(get("/v1/k")), cache.call(get("/v1/k")));
    for waiter in [leader, other] {
        assert!((1..1500).contains(&waiter.size()), "{} bytes", waiter.size());
    }
}

#[tokio::test(start_paused = true)]
async fn other_keys_load_on_their_own() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let waiting: Vec<_> = ["/v1/a", "/v1/b", "/v1/a?x", "/v1/%61"].map(|path| cache.call(get(path))).into();
    assert_eq!(calls.take_all().await.len(), 4);
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn with_a_ttl_of_zero_nothing_is_kept() {
    let (mut cache, mut calls, metrics) = cache(coalescing());
    for body in ["one", "two"] {
        let answer = cache.call(get("/v1/k"));
        calls.next().await.ok(&[], body);
        assert_eq!(read(answer).await.1, body);
        settle().await;
    }
    assert_eq!((metrics.entries.get(), metrics.bytes.get()), (0, 0));
}

// envoy#36309, octo-server#769: the leader's end was everybody's.
#[tokio::test(start_paused = true)]
async fn the_leaders_leaving_changes_nothing_for_the_others() {
    let (mut cache, mut calls, metrics) = cache(coalescing());
    let leader = cache.call(get("/v1/k"));
    let other = cache.call(get("/v1/k"));
    let call = calls.next().await;
    drop(leader);
    settle().await;
    call.ok(&[], "value");
    assert_eq!(read(other).await, ("kivi; fwd=miss; collapsed".into(), "value".into()));
    assert_eq!(metrics.fill_failed.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_leaders_leaving_within_the_body_changes_nothing_for_the_others() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let leader = cache.call(get("/v1/k"));
    let other = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let leader = leader.await.unwrap();
    let other = other.await.unwrap();
    pieces.send(piece("one ")).await.unwrap();
    settle().await;
    drop(leader);
    pieces.send(piece("two")).await.unwrap();
    drop(pieces);
    assert_eq!(text(other).await.unwrap(), "one two");
}

// pingora#314, moka#59: a load that nobody waits for goes on.
#[tokio::test(start_paused = true)]
async fn a_load_without_readers_is_cancelled_and_the_key_is_free() {
    let (mut cache, mut calls, metrics) = cache(coalescing());
    let waiting = [cache.call(get("/v1/k")), cache.call(get("/v1/k"))];
    let call = calls.next().await;
    drop(waiting);
    settle().await;
    assert!(call.reply.is_closed(), "the load goes on for nobody");
    let again = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "value");
    assert_eq!(read(again).await, ("kivi; fwd=miss".into(), "value".into()));
    assert_eq!(metrics.fill_failed.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_load_without_readers_is_cancelled_within_the_body_too() {
    let (mut cache, mut calls, _) = cache(keeping());
    let reader = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    drop(reader.await.unwrap());
    settle().await;
    assert!(pieces.is_closed());
}

#[tokio::test(start_paused = true)]
async fn waiters_read_the_body_as_it_comes_in() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let waiting = [cache.call(get("/v1/k")), cache.call(get("/v1/k"))];
    let pieces = calls.next().await.stream(&[]);
    let mut bodies = Vec::new();
    for answer in waiting {
        bodies.push(answer.await.unwrap().into_body());
    }
    for part in ["one", "two"] {
        pieces.send(piece(part)).await.unwrap();
        for body in &mut bodies {
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), part);
        }
    }
    drop(pieces);
    for body in &mut bodies {
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_the_body_comes_in_gets_all_of_it() {
    let (mut cache, mut calls, metrics) = cache(coalescing());
    let first = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let first = first.await.unwrap();
    pieces.send(piece("one ")).await.unwrap();
    settle().await;
    let late = cache.call(get("/v1/k")).await.unwrap();
    pieces.send(piece("two")).await.unwrap();
    drop(pieces);
    assert_eq!(text(first).await.unwrap(), "one two");
    assert_eq!(text(late).await.unwrap(), "one two");
    assert_eq!(metrics.coalesced.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_comes_late_does_not_share_what_says_that_it_is_stale_at_once() {
    let (mut cache, mut calls, _) = cache(keeping());
    let early = [cache.call(get("/v1/k")), cache.call(get("/v1/k"))];
    let pieces = calls.next().await.stream(&[("cache-control", "max-age=0")]);
    for answer in early {
        assert!(answer.await.is_ok());
    }
    let late = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "newer");
    assert_eq!(read(late).await.1, "newer");
    drop(pieces);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_does_not_stall_the_others() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let slow = cache.call(get("/v1/k"));
    let fast = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let slow = slow.await.unwrap();
    let fast = tokio::spawn(text(fast.await.unwrap()));
    for _ in 0..100 {
        pieces.send(piece("0123456789")).await.unwrap();
    }
    drop(pieces);
    assert_eq!(fast.await.unwrap().unwrap().len(), 1000);
    assert_eq!(text(slow).await.unwrap().len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn trailers_reach_every_reader() {
    let (mut cache, mut calls, _) = cache(keeping());
    let waiting = [cache.call(get("/v1/k")), cache.call(get("/v1/k"))];
    let pieces = calls.next().await.stream(&[]);
    pieces.send(piece("value")).await.unwrap();
    let trailers: HeaderMap =
        [(HeaderName::from_static("digest"), HeaderValue::from_static("x"))].into_iter().collect();
    pieces.send(Ok(Frame::trailers(trailers.clone()))).await.unwrap();
    drop(pieces);
    for answer in waiting {
        let body = answer.await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(body.trailers(), Some(&trailers));
    }
    let hit = cache.call(get("/v1/k")).await.unwrap();
    assert_eq!(hit.into_body().collect().await.unwrap().trailers(), Some(&trailers));
}

// Souin runs the load within the leader's request.
#[tokio::test(start_paused = true)]
async fn the_load_has_its_own_deadline_not_the_leaders() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let mut leader = get("/v1/k");
    leader.extensions_mut().insert(Deadline(Instant::now() + Duration::from_secs(1)));
    let leader = cache.call(leader);
    let call = calls.next().await;
    let deadline = Deadline::of(call.request.extensions()).unwrap();
    assert!(deadline.0 > Instant::now() + Duration::from_secs(29));
    advance(Duration::from_secs(10)).await;
    let other = cache.call(get("/v1/k"));
    drop(leader);
    call.ok(&[], "value");
    assert_eq!(read(other).await.1, "value");
}
