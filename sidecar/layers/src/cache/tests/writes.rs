//! Writes on their way through: what began before one is acknowledged answers nobody after.

use super::*;

async fn store(cache: &mut Cache<Upstream>, calls: &mut Calls, path: &str) {
    let answer = cache.call(get(path));
    calls.next().await.ok(&[], "old");
    assert_eq!(read(answer).await.1, "old");
    settle().await;
}

/// Passes a write through, answered with `status`.
async fn write(cache: &mut Cache<Upstream>, calls: &mut Calls, request: Request<Empty<Bytes>>, status: u16) {
    let answer = tokio::spawn(cache.call(request));
    calls.next().await.answer(response(status, &[], whole("")));
    answer.await.unwrap().unwrap();
}

/// A GET that finds nothing to share and gets `body` from the upstream.
async fn loads_anew(cache: &mut Cache<Upstream>, calls: &mut Calls, path: &str, body: &'static str) {
    let answer = cache.call(get(path));
    calls.next().await.ok(&[], body);
    assert_eq!(read(answer).await.1, body);
}

#[tokio::test(start_paused = true)]
async fn a_get_after_an_acknowledged_put_does_not_join_a_flight_from_before() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let before = cache.call(get("/v1/k"));
    let old = calls.next().await;
    write(&mut cache, &mut calls, put("/v1/k"), 201).await;
    let after = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "new");
    old.ok(&[], "old");
    assert_eq!(read(before).await.1, "old");
    assert_eq!(read(after).await.1, "new");
}

#[tokio::test(start_paused = true)]
async fn nor_one_that_began_while_the_put_was_in_progress() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let writing = tokio::spawn(cache.call(put("/v1/k")));
    let write = calls.next().await;
    let meanwhile = cache.call(get("/v1/k"));
    let old = calls.next().await;
    write.answer(response(201, &[], whole("")));
    writing.await.unwrap().unwrap();
    let after = cache.call(get("/v1/k"));
    calls.next().await.ok(&[], "new");
    old.ok(&[], "old");
    assert_eq!(read(meanwhile).await.1, "old");
    assert_eq!(read(after).await.1, "new");
}

#[tokio::test(start_paused = true)]
async fn a_get_while_a_put_is_in_progress_does_not_join_a_flight_from_before_it() {
    // Its effect may be seen already, by a request that goes around the cache: what it changed must not
    // be seen to change back.
    let (mut cache, mut calls, _) = cache(coalescing());
    let before = cache.call(get("/v1/k"));
    let old = calls.next().await;
    let writing = tokio::spawn(cache.call(put("/v1/k")));
    let write = calls.next().await;
    loads_anew(&mut cache, &mut calls, "/v1/k", "perhaps new").await;
    write.answer(response(201, &[], whole("")));
    writing.await.unwrap().unwrap();
    old.ok(&[], "old");
    assert_eq!(read(before).await.1, "old");
}

#[tokio::test(start_paused = true)]
async fn a_stampede_while_a_put_is_in_progress_is_one_load_at_a_time() {
    let (mut cache, mut calls, metrics) = cache(coalescing());
    let writing = tokio::spawn(cache.call(put("/v1/k")));
    let write = calls.next().await;
    let first = cache.call(get("/v1/k"));
    let old = calls.next().await;
    let others: Vec<_> = (0..200).map(|_| tokio::spawn(cache.call(get("/v1/k")))).collect();
    calls.assert_none().await;
    old.ok(&[], "old");
    assert_eq!(read(first).await.1, "old");
    calls.next().await.ok(&[], "new");
    for other in others {
        assert_eq!(read(async { other.await.unwrap() }).await.1, "new");
    }
    calls.assert_none().await;
    assert_eq!(metrics.miss.get(), 2);
    write.answer(response(201, &[], whole("")));
    writing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_next_load_departs_when_the_one_before_it_is_abandoned_or_fails() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let writing = tokio::spawn(cache.call(put("/v1/k")));
    let write = calls.next().await;
    let abandoned = cache.call(get("/v1/k"));
    let call = calls.next().await;
    let next = cache.call(get("/v1/k"));
    settle().await;
    drop(abandoned);
    calls.next().await.ok(&[], "value");
    assert!(call.reply.is_closed());
    assert_eq!(read(next).await.1, "value");

    let failing = cache.call(get("/v1/k"));
    let call = calls.next().await;
    let next = cache.call(get("/v1/k"));
    settle().await;
    call.refuse("down");
    assert!(failing.await.is_err());
    calls.next().await.ok(&[], "value");
    assert_eq!(read(next).await.1, "value");
    drop(write);
    assert!(writing.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn nor_one_whose_body_is_still_coming_in() {
    let (mut cache, mut calls, _) = cache(keeping());
    let before = cache.call(get("/v1/k"));
    let pieces = calls.next().await.stream(&[]);
    let before = before.await.unwrap();
    pieces.send(piece("ol")).await.unwrap();
    write(&mut cache, &mut calls, put("/v1/k"), 201).await;
    loads_anew(&mut cache, &mut calls, "/v1/k", "new").await;
    pieces.send(piece("d")).await.unwrap();
    drop(pieces);
    assert_eq!(text(before).await.unwrap(), "old");
    settle().await;
    // What was stored is the newer one, though the older was complete later.
    assert_eq!(read(cache.call(get("/v1/k"))).await.1, "new");
}

// mochi#348: a fill in flight brings back what a write removed.
#[tokio::test(start_paused = true)]
async fn a_fill_that_began_before_a_write_is_not_stored() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    let before = cache.call(get("/v1/k"));
    let old = calls.next().await;
    write(&mut cache, &mut calls, put("/v1/k"), 201).await;
    old.ok(&[], "old");
    assert_eq!(read(before).await.1, "old");
    settle().await;
    assert_eq!((metrics.entries.get(), metrics.bytes.get()), (0, 0));
    loads_anew(&mut cache, &mut calls, "/v1/k", "new").await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_from_before_a_write_is_not_kept() {
    let (mut cache, mut calls, _) = cache(keeping());
    let before = cache.call(get("/v1/k"));
    let old = calls.next().await;
    write(&mut cache, &mut calls, put("/v1/k"), 201).await;
    old.refuse("down");
    assert!(before.await.is_err());
    loads_anew(&mut cache, &mut calls, "/v1/k", "new").await;
}

// trafficserver#8006: only the methods that a cache knows.
#[tokio::test(start_paused = true)]
async fn a_successful_write_removes_every_variant_and_spelling() {
    for method in ["PUT", "POST", "DELETE", "PATCH", "MOVE"] {
        let (mut cache, mut calls, metrics) = cache(keeping());
        for path in ["/v1/k", "/v1/k?x=1", "/v1/%6B"] {
            store(&mut cache, &mut calls, path).await;
        }
        store(&mut cache, &mut calls, "/v1/other").await;
        assert_eq!(metrics.entries.get(), 4);
        write(&mut cache, &mut calls, request(method, "/v1/k?ttl=5s", &[]), 200).await;
        assert_eq!(metrics.entries.get(), 1, "{method}");
        assert_eq!(read(cache.call(get("/v1/other"))).await.1, "old");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_removes_what_is_kept_of_a_failure() {
    let (mut cache, mut calls, _) = cache(keeping());
    let failed = cache.call(get("/v1/k"));
    calls.next().await.refuse("down");
    assert!(failed.await.is_err());
    write(&mut cache, &mut calls, put("/v1/k"), 201).await;
    loads_anew(&mut cache, &mut calls, "/v1/k", "new").await;
}

#[tokio::test(start_paused = true)]
async fn a_redirected_write_counts_as_a_successful_one() {
    for status in [200, 204, 303, 307] {
        let (mut cache, mut calls, metrics) = cache(keeping());
        store(&mut cache, &mut calls, "/v1/k").await;
        write(&mut cache, &mut calls, request("POST", "/v1/k", &[]), status).await;
        assert_eq!(metrics.entries.get(), 0, "{status}");
    }
}

// trafficserver#7999: a refused write removed it.
#[tokio::test(start_paused = true)]
async fn a_refused_write_keeps_what_is_stored() {
    for status in [400, 404, 412, 500, 507] {
        let (mut cache, mut calls, _) = cache(keeping());
        store(&mut cache, &mut calls, "/v1/k").await;
        write(&mut cache, &mut calls, put("/v1/k"), status).await;
        assert!(read(cache.call(get("/v1/k"))).await.0.starts_with("kivi; hit"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_of_which_nobody_knows_the_end_removes_what_is_stored() {
    let (mut cache, mut calls, _) = cache(keeping());
    store(&mut cache, &mut calls, "/v1/k").await;
    let lost = tokio::spawn(cache.call(put("/v1/k")));
    calls.next().await.refuse("connection reset");
    assert!(lost.await.unwrap().is_err());
    loads_anew(&mut cache, &mut calls, "/v1/k", "perhaps new").await;

    store(&mut cache, &mut calls, "/v1/j").await;
    let left = cache.call(put("/v1/j"));
    drop(left);
    loads_anew(&mut cache, &mut calls, "/v1/j", "perhaps new").await;
}

// jonbaldie/varnish#75, undici#5509: only the written URL goes.
#[tokio::test(start_paused = true)]
async fn what_a_writes_answer_points_to_is_removed_too() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    for path in ["/v1/a", "/v1/b", "/v1/c"] {
        store(&mut cache, &mut calls, path).await;
    }
    let answer = tokio::spawn(cache.call(request("POST", "/v1/", &[("host", "kivi")])));
    let pointing = [("location", "/v1/a"), ("content-location", "https://kivi/v1/b")];
    calls.next().await.answer(response(201, &pointing, whole("")));
    answer.await.unwrap().unwrap();
    assert_eq!(metrics.entries.get(), 1);
    let elsewhere = tokio::spawn(cache.call(request("POST", "/v1/", &[("host", "kivi")])));
    calls.next().await.answer(response(201, &[("location", "https://other/v1/c")], whole("")));
    elsewhere.await.unwrap().unwrap();
    assert_eq!(metrics.entries.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_listing_from_before_any_write_is_not_joined_after() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let before = [cache.call(get("/v1/?prefix=a")), cache.call(get("/v1/"))];
    let old = [calls.next().await, calls.next().await];
    write(&mut cache, &mut calls, put("/v1/ab"), 201).await;
    loads_anew(&mut cache, &mut calls, "/v1/?prefix=a", "new").await;
    loads_anew(&mut cache, &mut calls, "/v1/", "new").await;
    for call in old {
        call.ok(&[], "old");
    }
    for answer in before {
        assert_eq!(read(answer).await.1, "old");
    }
}

#[tokio::test(start_paused = true)]
async fn no_flight_from_before_a_post_is_joined_after() {
    let (mut cache, mut calls, _) = cache(coalescing());
    let before = cache.call(get("/v1/k"));
    let old = calls.next().await;
    write(&mut cache, &mut calls, put("/v1/unrelated"), 201).await;
    let joins = cache.call(get("/v1/k"));
    calls.assert_none().await;
    write(&mut cache, &mut calls, request("POST", "/v1/", &[]), 200).await;
    loads_anew(&mut cache, &mut calls, "/v1/k", "new").await;
    old.ok(&[], "old");
    assert_eq!(read(before).await.1, "old");
    assert_eq!(read(joins).await.1, "old");
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_began_before_a_write_is_not_kept_after_it() {
    let (mut cache, mut calls, metrics) = cache(keeping());
    store(&mut cache, &mut calls, "/v1/k").await;
    let reloading = cache.call(request("GET", "/v1/k", &[("cache-control", "no-cache")]));
    let reload = calls.next().await;
    write(&mut cache, &mut calls, put("/v1/k"), 204).await;
    reload.ok(&[], "old");
    assert_eq!(read(reloading).await.1, "old");
    settle().await;
    assert_eq!(metrics.entries.get(), 0);
    loads_anew(&mut cache, &mut calls, "/v1/k", "new").await;
}
