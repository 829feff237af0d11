//! Bodies that are too long to be held.

use futures::future::join_all;
use tokio::time::sleep;

use super::*;

const LIMIT: usize = 1000;

fn bounded() -> CachePolicy {
    CachePolicy { max_object_bytes: LIMIT as u64, ..keeping() }
}

#[tokio::test(start_paused = true)]
async fn a_length_over_the_bound_goes_to_the_leader_and_the_others_load_side_by_side() {
    let (mut cache, mut calls, _) = cache(bounded());
    let leader = cache.call(get("/v1/k"));
    let others: Vec<_> = (0..3).map(|_| tokio::spawn(cache.call(get("/v1/k")))).collect();
    let large = [("content-length", "1001")];
    let pieces = calls.next().await.stream(&large);
    let leader = leader.await.unwrap();
    assert_eq!(cache_status(&leader), "kivi; fwd=miss; detail=too-large");
    let own = calls.take_all().await;
    assert_eq!(own.len(), 3);
    drop(own);
    pieces.send(piece(vec![b'x'; 1001])).await.unwrap();
    drop(pieces);
    assert_eq!(text(leader).await.unwrap().len(), 1001);
    drop(others);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_grows_over_the_bound_reaches_all_of_its_readers_whole() {
    let (mut cache, mut calls, metrics) = cache(bounded());
    let waiting: Vec<_> = (0..50).map(|_| cache.call(get("/v1/k"))).collect();
    let pieces = calls.next().await.stream(&[]);
    let readers: Vec<_> =
        join_all(waiting).await.into_iter().map(|answer| tokio::spawn(text(answer.unwrap()))).collect();
    let mut sent = String::new();
    for number in 0..1000 {
        let part = format!("{number:010}");
        sent.push_str(&part);
        pieces.send(piece(part)).await.unwrap();
    }
    drop(pieces);
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap(), sent);
    }
    settle().await;
    assert_eq!(metrics.entries.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_body_whose_beginning_is_gone() {
    let (mut cache, mut calls, _) = cache(bounded());
    let first = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let first = tokio::spawn(text(first.await.unwrap()));
    for _ in 0..3 {
        pieces.send(piece(vec![b'x'; 600])).await.unwrap();
    }
    settle().await;
    let second = tokio::spawn(cache.call(get("/v1/k")));
    calls.next().await.ok(&[], "its own");
    assert_eq!(
        read(async { second.await.unwrap() }).await,
        ("kivi; fwd=bypass; detail=hit-for-miss".into(), "its own".into())
    );
    drop(pieces);
    assert_eq!(first.await.unwrap().unwrap().len(), 1800);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_by_a_pause_of_the_load() {
    let (mut cache, mut calls, _) = cache(bounded());
    let reader = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let mut body = reader.await.unwrap().into_body();
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_millis(1), pieces.send(piece(vec![b'x'; 100]))).await.is_ok() {
        sent += 100;
    }
    // The window, the piece that filled it, and the piece in the channel.
    assert!((LIMIT..=LIMIT + 200).contains(&sent), "{sent}");
    let mut received = 0;
    for _ in 0..2 {
        received += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    assert_eq!(received, 200);
    settle().await;
    assert!(pieces.try_send(piece("more")).is_ok(), "reading makes room");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_holds_up_the_others_is_cut_off_with_an_error() {
    let (mut cache, mut calls, _) = cache(bounded());
    let stuck = cache.call(get("/v1/k"));
    let quick = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let stuck = stuck.await.unwrap();
    let quick = tokio::spawn(text(quick.await.unwrap()));
    for _ in 0..50 {
        pieces.send(piece(vec![b'x'; 100])).await.unwrap();
    }
    drop(pieces);
    assert_eq!(quick.await.unwrap().unwrap().len(), 5000);
    let error = text(stuck).await.unwrap_err();
    assert!(matches!(fill_failed(&error), FillFailed::TooSlow));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_that_goes_on_is_waited_for() {
    let (mut cache, mut calls, _) = cache(bounded());
    let slow = cache.call(get("/v1/k"));
    let quick = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let mut slow = slow.await.unwrap().into_body();
    let quick = tokio::spawn(text(quick.await.unwrap()));
    let slow = tokio::spawn(async move {
        let mut received = 0;
        while let Some(frame) = slow.frame().await {
            received += frame.unwrap().into_data().unwrap().len();
            sleep(Duration::from_secs(4)).await;
        }
        received
    });
    for _ in 0..50 {
        pieces.send(piece(vec![b'x'; 100])).await.unwrap();
    }
    drop(pieces);
    assert_eq!(quick.await.unwrap().unwrap().len(), 5000);
    assert_eq!(slow.await.unwrap(), 5000);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_where_the_body_comes_in_crumbs() {
    let (mut cache, mut calls, _) = cache(bounded());
    let reader = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let reader = reader.await.unwrap();
    for _ in 0..1000 {
        pieces.send(piece("")).await.unwrap();
    }
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_millis(1), pieces.send(piece("x"))).await.is_ok() {
        sent += 1;
    }
    // A place and an allocation for each of a thousand bytes would be a hundred times the bound.
    assert!(sent < LIMIT / 50, "{sent}");
    drop(pieces);
    assert_eq!(text(reader).await.unwrap().len(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_load_is_cancelled_when_only_readers_that_are_cut_off_are_left() {
    let (mut cache, mut calls, _) = cache(bounded());
    let stuck = cache.call(get("/v1/k"));
    let quick = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let stuck = stuck.await.unwrap();
    let quick = tokio::spawn(text(quick.await.unwrap()));
    for _ in 0..50 {
        pieces.send(piece(vec![b'x'; 100])).await.unwrap();
    }
    settle().await;
    quick.abort();
    settle().await;
    assert!(pieces.is_closed(), "the load goes on for nobody");
    assert!(matches!(fill_failed(&text(stuck).await.unwrap_err()), FillFailed::TooSlow));
}
