//! A load that fails: shared, kept for a moment, never a short success, never a locked key.

use std::{error::Error, io};

use futures::future::join_all;
use tokio::time::sleep;

use super::*;

const ERROR_TTL: Duration = Duration::from_secs(1);

// worldmonitor#270: each of 874 waiters tried again; pingora elects one writer after the other.
#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_shared_kept_and_then_tried_anew() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let waiting: Vec<_> = (0..200).map(|_| cache.call(get("/v1/k"))).collect();
    calls.next().await.refuse(io::Error::from(io::ErrorKind::ConnectionRefused));
    for answer in join_all(waiting).await {
        let error = answer.unwrap_err();
        let cause = fill_failed(&error).source().unwrap();
        let cause = cause.downcast_ref::<io::Error>().unwrap();
        assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    }
    sleep(ERROR_TTL / 2).await;
    assert!(cache.call(get("/v1/k")).await.is_err());
    calls.assert_none().await;
    assert_eq!(metrics.fill_failed.get(), 1);
    sleep(ERROR_TTL / 2).await;
    let again = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "value");
    assert_eq!(read(again).await.1, "value");
    assert!(read(cache.call(get("/v1/k"))).await.0.starts_with("kivi; hit"));
}

#[tokio::test(start_paused = true)]
async fn a_server_error_is_shared_kept_and_then_tried_anew() {
    let (mut cache, mut calls, _) = cache(keeping());
    let waiting: Vec<_> = (0..200).map(|_| cache.call(get("/v1/k"))).collect();
    calls.next().await.answer(response(503, &[], whole("busy")));
    for answer in join_all(waiting).await {
        let response = answer.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(text(response).await.unwrap(), "busy");
    }
    sleep(ERROR_TTL / 2).await;
    assert_eq!(cache.call(get("/v1/k")).await.unwrap().status(), 503);
    calls.assert_none().await;
    sleep(ERROR_TTL / 2).await;
    let again = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "value");
    assert_eq!(read(again).await, ("kivi; fwd=stale; stored; ttl=60".into(), "value".into()));
}

// trafficserver#7417: what was kept of a failure outlived the next one, and was kept no more.
#[tokio::test(start_paused = true)]
async fn the_next_failure_takes_the_place_of_the_one_that_was_kept() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    for body in ["busy", "maintenance"] {
        let answer = cache.call(get("/v1/k"));
        calls.next().await.answer(response(503, &[("cache-control", "max-age=60")], whole(body)));
        assert_eq!(text(answer.await.unwrap()).await.unwrap(), body);
        sleep(Duration::from_secs(59)).await;
        assert_eq!(text(cache.call(get("/v1/k")).await.unwrap()).await.unwrap(), body);
        assert_eq!(metrics.entries.get(), 1);
        sleep(Duration::from_secs(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn with_an_error_ttl_of_zero_a_failure_is_shared_and_not_kept() {
    let policy = CachePolicy { error_ttl: Duration::ZERO, ..keeping() };
    let (mut cache, mut calls, _) = cache(policy);
    for _ in 0..2 {
        let waiting: Vec<_> = (0..2).map(|_| cache.call(get("/v1/k"))).collect();
        calls.next().await.refuse("down");
        assert!(join_all(waiting).await.iter().all(Result::is_err));
    }
}

// talon#162, pingora#931: what panics or is dropped leaves the key locked.
#[tokio::test(start_paused = true)]
async fn a_panic_reaches_every_waiter_and_the_key_is_free_after() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let waiting: Vec<_> = (0..5).map(|_| cache.call(get("/v1/k"))).collect();
    drop(calls.next().await);
    for answer in join_all(waiting).await {
        assert!(matches!(fill_failed(&answer.unwrap_err()), FillFailed::Died));
    }
    sleep(ERROR_TTL).await;
    let again = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "value");
    assert_eq!(read(again).await.1, "value");
}

// varnish#3461, trafficserver#12845: no bound, or each waiter for itself after it.
#[tokio::test(start_paused = true)]
async fn a_load_that_takes_too_long_is_given_up_for_every_waiter() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let waiting: Vec<_> = (0..5).map(|_| cache.call(get("/v1/k"))).collect();
    let call = calls.next().await;
    for answer in join_all(waiting).await {
        assert!(fill_failed(&answer.unwrap_err()).is_timeout());
    }
    assert!(call.reply.is_closed());
    // Not all of them try again, nor does who comes now.
    assert!(cache.call(get("/v1/k")).await.is_err());
    calls.assert_none().await;
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_within_the_body() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let waiting = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    pieces.send(piece("some")).await.unwrap();
    let error = text(waiting.await.unwrap()).await.unwrap_err();
    assert!(fill_failed(&error).is_timeout());
    assert!(pieces.is_closed());
}

async fn cut(headers: &[(&'static str, &'static str)], end: Option<Piece>) -> Vec<BoxError> {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let early = [cache.call(get("/v1/k")), cache.call(get("/v1/k"))];
    let pieces = calls.next().await.stream(headers);
    pieces.send(piece("some")).await.unwrap();
    let mut responses = Vec::new();
    for answer in early {
        responses.push(answer.await.unwrap());
    }
    responses.push(cache.call(get("/v1/k")).await.unwrap());
    if let Some(end) = end {
        pieces.send(end).await.unwrap();
    }
    drop(pieces);
    let mut errors = Vec::new();
    for response in responses {
        errors.push(text(response).await.unwrap_err());
    }
    assert_eq!((metrics.entries.get(), metrics.fill_failed.get()), (0, 1));
    // Kept, so that what comes next is neither a short success nor another load.
    errors.push(cache.call(get("/v1/k")).await.unwrap_err());
    calls.assert_none().await;
    errors
}

// pingora#932: a part of the body, and a clean end.
#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_an_error_to_all_of_its_readers() {
    for error in cut(&[], Some(Err("reset".into()))).await {
        assert!(matches!(fill_failed(&error), FillFailed::Cut(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_short_of_its_length_is_an_error_to_all_of_its_readers() {
    for error in cut(&[("content-length", "10")], None).await {
        assert!(matches!(fill_failed(&error), FillFailed::WrongLength { declared: 10, received: 4 }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_goes_on_beyond_its_length_is_an_error() {
    for error in cut(&[("content-length", "5")], Some(piece("more"))).await {
        assert!(matches!(fill_failed(&error), FillFailed::WrongLength { .. }));
    }
}
