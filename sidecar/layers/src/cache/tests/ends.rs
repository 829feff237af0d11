//! A load whose task ends before its answer does: an error to its readers, and never a locked key.

use futures::{StreamExt, stream};
use tokio::runtime::{Builder, Runtime};

use super::*;

fn forgetful() -> CachePolicy {
    CachePolicy { error_ttl: Duration::ZERO, ..keeping() }
}

fn paused() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

async fn loads_anew(cache: &mut Cache<Upstream>, calls: &mut Calls, path: &str) {
    let again = cache.call(get(path));
    calls.next().await.ok(&[], "value");
    assert_eq!(read(again).await.1, "value");
}

// pingora#931, #932: a writer that is dropped is a clean end to its readers, and its lock stays.
#[test]
fn a_load_that_ends_with_its_runtime_is_a_failure_before_the_head_and_within_the_body() {
    let (mut cache, mut calls, metrics) = cache(forgetful());
    let first = paused();
    let (waiting, reading, upstream) = first.block_on(async {
        let waiting = cache.call(get("/v1/a"));
        let call = calls.next().await;
        let reading = cache.call(get("/v1/b"));
        let pieces = calls.next().await.stream(&[]);
        pieces.send(piece("some")).await.unwrap();
        let mut reading = reading.await.unwrap().into_body();
        assert_eq!(reading.frame().await.unwrap().unwrap().into_data().unwrap(), "some");
        (waiting, reading, (call, pieces))
    });
    drop(first);
    paused().block_on(async {
        assert!(matches!(fill_failed(&waiting.await.unwrap_err()), FillFailed::Died));
        let error = reading.collect().await.unwrap_err();
        assert!(matches!(fill_failed(&error), FillFailed::Died));
        assert!(upstream.0.reply.is_closed() && upstream.1.is_closed());
        for path in ["/v1/a", "/v1/b"] {
            loads_anew(&mut cache, &mut calls, path).await;
        }
        settle().await;
        assert_eq!((metrics.entries.get(), metrics.waiters.get()), (2, 0));
    });
}

#[tokio::test(start_paused = true)]
async fn a_panic_within_the_body_is_an_error_to_its_readers_and_the_key_is_free_after() {
    let (mut cache, mut calls, metrics) = cache(forgetful());
    let waiting = [cache.call(get("/v1/k")), cache.call(get("/v1/k"))];
    let (pieces, body) = channel();
    let panics = stream::once(async { panic!("the inner service's body panics") });
    let body = StreamBody::new(body.into_data_stream().map(|data| data.map(Frame::data)).chain(panics));
    calls.next().await.answer(response(200, &[], body.boxed_unsync()));
    let mut bodies = Vec::new();
    for answer in waiting {
        bodies.push(answer.await.unwrap().into_body());
    }
    pieces.send(piece("some")).await.unwrap();
    settle().await;
    drop(pieces);
    for body in bodies {
        let error = body.collect().await.unwrap_err();
        assert!(matches!(fill_failed(&error), FillFailed::Died));
    }
    assert_eq!((metrics.entries.get(), metrics.fill_failed.get()), (0, 1));
    loads_anew(&mut cache, &mut calls, "/v1/k").await;
}

#[derive(Debug, Clone, Copy)]
enum End {
    Refused,
    Panicked,
    Private,
    Cut,
    TooLarge,
    Outgrown,
    LeftBeforeTheHead,
    LeftWithinTheBody,
    Written,
}

/// One load that two share, and its end.
async fn load(cache: &mut Cache<Upstream>, calls: &mut Calls, end: End) {
    let (leader, other) = (cache.call(get("/v1/k")), tokio::spawn(cache.call(get("/v1/k"))));
    let call = calls.next().await;
    match end {
        End::Refused => call.refuse("down"),
        End::Panicked => drop(call),
        End::Private => call.ok(&[("cache-control", "private")], "value"),
        End::Cut => drop(call.stream(&[("content-length", "5")])),
        End::TooLarge => drop(call.stream(&[("content-length", "2000")])),
        End::Outgrown => {
            let pieces = call.stream(&[]);
            for answer in [leader.await, other.await.unwrap()] {
                tokio::spawn(text(answer.unwrap()));
            }
            pieces.send(piece(vec![b'x'; 2000])).await.unwrap();
            settle().await;
            return;
        }
        End::LeftBeforeTheHead => {
            other.abort();
            drop(leader);
            settle().await;
            assert!(call.reply.is_closed());
            return;
        }
        End::LeftWithinTheBody => {
            let pieces = call.stream(&[]);
            drop((leader.await, other.await));
            settle().await;
            assert!(pieces.is_closed());
            return;
        }
        End::Written => {
            let write = tokio::spawn(cache.call(put("/v1/k")));
            calls.next().await.answer(response(204, &[], whole("")));
            write.await.unwrap().unwrap();
            call.ok(&[], "value");
        }
    }
    drop(leader.await);
    settle().await;
    // Where the answer was the leader's only.
    drop(calls.take_all().await);
    drop(other.await);
}

#[tokio::test(start_paused = true)]
async fn however_often_loads_end_in_whatever_way_the_next_is_shared() {
    // More than the loads of one key that others may join at a time.
    const OFTEN: usize = 100;
    for end in [
        End::Refused,
        End::Panicked,
        End::Private,
        End::Cut,
        End::TooLarge,
        End::Outgrown,
        End::LeftBeforeTheHead,
        End::LeftWithinTheBody,
        End::Written,
    ] {
        let policy = CachePolicy { unshared_ttl: Duration::ZERO, max_object_bytes: 1000, ..forgetful() };
        let (mut cache, mut calls, metrics) = cache(policy);
        for _ in 0..OFTEN {
            let shared = load(&mut cache, &mut calls, end);
            let ended = tokio::time::timeout(Duration::from_hours(1), shared).await;
            assert!(ended.is_ok(), "{end:?}: who waits is not answered");
        }
        let sharing = [(); 2].map(|()| tokio::spawn(cache.call(get("/v1/k"))));
        let mut loads = calls.take_all().await;
        assert_eq!(loads.len(), 1, "{end:?}");
        loads.remove(0).ok(&[], "value");
        for answer in sharing {
            assert_eq!(read(async { answer.await.unwrap() }).await.1, "value", "{end:?}");
        }
        assert_eq!(metrics.waiters.get(), 0);
    }
}
