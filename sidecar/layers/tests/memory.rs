//! What the cache takes of the heap beside what it counts: `max_bytes` is kept within 5 %, at each moment.
//!
//! The test's allocator counts what is asked of it, and sixteen bytes for each piece (as glibc's takes: eight,
//! and what rounding up to sixteen adds). One test, for the count is of the whole process.

#![allow(clippy::unwrap_used, reason = "a helper of tests may fail as a test does")]

use std::{
    alloc::System,
    convert::Infallible,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::{Ready, join_all, ready};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody, combinators::UnsyncBoxBody};
use kivi_layers::cache::{Cache, CacheLayer, CacheMetrics, CachePolicy};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::{runtime::Runtime, task::yield_now};
use tower::{Layer, Service};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What the bodies of all answers are parts of, so that only copies of it take memory.
static CONTENT: [u8; 1 << 20] = [b'x'; 1 << 20];

/// What is allocated now.
fn allocated() -> i64 {
    let stats = ALLOCATOR.stats();
    let difference = |more: usize, less: usize| more.wrapping_sub(less).cast_signed() as i64;
    difference(stats.bytes_allocated, stats.bytes_deallocated)
        + 16 * difference(stats.allocations, stats.deallocations)
}

/// Answers and the requests for them, by number.
#[derive(Debug, Clone, Copy)]
struct Shape {
    key_bytes: usize,
    /// The query, if there is any, is a part of the key too.
    query: bool,
    body_bytes: fn(u64) -> u64,
    /// Whether the body is one that is allocated for the answer, chunk by chunk.
    streams: bool,
    headers: usize,
    /// Whether the answer is for one request only.
    private: bool,
    /// How many numbers in a row are of one resource, each with another value of a header by which the answer
    /// varies.
    variants: u64,
}

const SMALL: Shape = Shape {
    key_bytes: 8,
    query: false,
    body_bytes: |_| 16,
    streams: false,
    headers: 3,
    private: false,
    variants: 1,
};

#[derive(Debug, Clone, Copy)]
struct Upstream(Shape);

impl Service<Request<Empty<Bytes>>> for Upstream {
    type Response = Response<UnsyncBoxBody<Bytes, Infallible>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        const CHUNK: usize = 64 << 10;
        let number = request.headers()["x-number"].to_str().unwrap().parse().unwrap();
        let (length, streams) = (usize::try_from((self.0.body_bytes)(number)).unwrap(), self.0.streams);
        let chunk = move |start: usize| {
            let chunk = &CONTENT[..CHUNK.min(length - start)];
            Ok(Frame::data(if streams { Bytes::copy_from_slice(chunk) } else { Bytes::from_static(chunk) }))
        };
        let chunks = futures::stream::iter((0..length).step_by(CHUNK).map(chunk));
        let mut response = Response::new(StreamBody::new(chunks).boxed_unsync());
        let headers = response.headers_mut();
        for index in 0..self.0.headers {
            let name = HeaderName::try_from(format!("x-header-{index}")).unwrap();
            headers.insert(name, HeaderValue::try_from(format!("value {number}")).unwrap());
        }
        if self.0.private {
            headers.insert("cache-control", HeaderValue::from_static("private"));
        }
        if self.0.variants > 1 {
            headers.insert("vary", HeaderValue::from_static("accept-language"));
        }
        ready(Ok(response))
    }
}

impl Shape {
    fn request(self, number: u64) -> Request<Empty<Bytes>> {
        let (resource, padding) = (number / self.variants, "k".repeat(self.key_bytes));
        let path =
            if self.query { format!("/v1/?{padding}{resource}") } else { format!("/v1/{padding}{resource}") };
        Request::get(path)
            .header("x-number", number)
            .header("accept-language", format!("language-{}", number % self.variants))
            .body(Empty::new())
            .unwrap()
    }

    async fn ask(self, cache: &mut Cache<Upstream>, number: u64) {
        let response = cache.call(self.request(number)).await.unwrap();
        response.into_body().collect().await.unwrap();
    }

    fn cache(self, max_bytes: i64, max_object_bytes: u64) -> (Cache<Upstream>, CacheMetrics) {
        let metrics = CacheMetrics::default();
        let policy = CachePolicy {
            max_bytes: max_bytes.cast_unsigned(),
            max_object_bytes,
            ttl: Duration::from_hours(1),
            ..CachePolicy::default()
        };
        let layer = CacheLayer::new(policy, |_| kivi_layers::Peer::default(), metrics.clone());
        (layer.layer(Upstream(self)), metrics)
    }
}

/// A number that follows from another, any.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 31)
}

/// From nothing to a MiB, as many below a length as from there to its double.
fn any_length(number: u64) -> u64 {
    let random = mixed(number);
    (random >> 8) % (1 << (random % 21))
}

/// In tenths of a percent.
fn per_mille(part: i64, whole: i64) -> i64 {
    1000 * part / whole
}

/// Fills a cache twice over and more with each of the shapes after the other; each number is asked for twice.
/// At least `least` percent of the bound are really taken then.
fn fill(runtime: &Runtime, name: &str, max_bytes: i64, least: i64, shapes: &[(Shape, u64)]) {
    runtime.block_on(async {
        let before = allocated();
        let (mut cache, metrics) = shapes[0].0.cache(max_bytes, 4 << 20);
        let mut most = 0;
        for (shape, count) in shapes {
            for number in 0..*count {
                shape.ask(&mut cache, number).await;
                yield_now().await;
                shape.ask(&mut cache, number).await;
                let counted = metrics.bytes.get();
                assert!(counted <= max_bytes, "{name}: {counted} are counted");
                most = most.max(allocated() - before);
            }
        }
        let (real, counted) = (allocated() - before, metrics.bytes.get());
        println!(
            "{name}: {} answers; of 1000 parts of the bound counted {}, real {}, at most {}",
            metrics.entries.get(),
            per_mille(counted, max_bytes),
            per_mille(real, max_bytes),
            per_mille(most, max_bytes),
        );
        assert!(metrics.evicted.get() > 0, "{name}: the bound was not reached");
        assert!(counted * 100 >= max_bytes * 95, "{name}: {counted} are counted");
        assert!(most * 100 <= max_bytes * 105, "{name}: {most} of {max_bytes} were taken");
        assert!(real * 100 >= max_bytes * least, "{name}: {real} of {max_bytes} are taken");
    });
}

#[test]
fn what_is_counted_is_what_is_taken() {
    const MIB: i64 = 1 << 20;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let empty = Shape { headers: 0, body_bytes: |_| 0, ..SMALL };
    let mixed = Shape { body_bytes: any_length, ..SMALL };
    let to_128k = Shape { body_bytes: |number| any_length(number) >> 3, key_bytes: 20, ..SMALL };
    fill(&runtime, "small answers", 4 * MIB, 95, &[(SMALL, 5000)]);
    fill(&runtime, "empty answers", 4 * MIB, 95, &[(empty, 8000)]);
    fill(&runtime, "long keys", 4 * MIB, 95, &[(Shape { key_bytes: 1000, ..SMALL }, 3000)]);
    fill(&runtime, "many headers", 4 * MIB, 95, &[(Shape { headers: 30, ..SMALL }, 1000)]);
    fill(&runtime, "bodies from 0 B to 1 MiB", 32 * MIB, 95, &[(mixed, 3000)]);
    fill(&runtime, "small, then mixed", 4 * MIB, 95, &[(SMALL, 5000), (to_128k, 2000)]);
    // What these share is counted for each of them: the bound holds, and is not used up.
    fill(&runtime, "variants", 4 * MIB, 85, &[(Shape { variants: 8, ..SMALL }, 4000)]);
    fill(&runtime, "queries", 4 * MIB, 85, &[(Shape { query: true, ..SMALL }, 4000)]);
    drop(runtime);
    at_each_moment();
    marks();
    flights();
}

/// The most that [`at_each_moment`] saw.
static MOST: AtomicI64 = AtomicI64::new(0);

/// 64 tasks fill at the same time. Beside the stored answers there are those that are being stored.
fn at_each_moment() {
    const MAX_BYTES: i64 = 32 << 20;
    const TASKS: u64 = 64;
    const BODY: u64 = 64 << 10;
    /// A load's copy of the body and everything else of it and its request.
    const FLIGHT: i64 = BODY.cast_signed() + (16 << 10);
    let shape = Shape { body_bytes: |number| mixed(number) % BODY, ..SMALL };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let before = allocated();
    let (cache, metrics) = shape.cache(MAX_BYTES, BODY);
    runtime.block_on(async {
        let tasks = (0..TASKS).map(|task| {
            let (mut cache, metrics) = (cache.clone(), metrics.clone());
            tokio::spawn(async move {
                for number in 0..60 {
                    shape.ask(&mut cache, task * 1000 + number).await;
                    assert!(metrics.bytes.get() <= MAX_BYTES);
                    MOST.fetch_max(allocated() - before, Relaxed);
                }
            })
        });
        join_all(tasks).await.into_iter().for_each(Result::unwrap);
    });
    let most = MOST.load(Relaxed);
    println!("64 tasks: at most {}", per_mille(most, MAX_BYTES));
    assert!(metrics.evicted.get() > 0);
    assert!(most <= MAX_BYTES * 105 / 100 + FLIGHT * TASKS.cast_signed(), "{most}");
}

/// What is remembered of keys whose answers are not kept has a bound of its own.
fn marks() {
    let shape = Shape { private: true, ..SMALL };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let before = allocated();
        let (mut cache, metrics) = shape.cache(4 << 20, 4 << 20);
        let mut most = 0;
        for number in 0..12_000 {
            shape.ask(&mut cache, number).await;
            most = most.max(allocated() - before);
        }
        println!("marks: {most} bytes at most");
        assert_eq!((metrics.miss.get(), metrics.entries.get()), (12_000, 0));
        assert!(most < 6 << 20, "{most}");
    });
}

/// A body too long to be held takes `max_object_bytes` and a chunk, however long it is and however slowly one
/// of its readers reads.
fn flights() {
    const LIMIT: i64 = 1 << 20;
    let shape = Shape { body_bytes: |_| 16 << 20, streams: true, ..SMALL };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (mut cache, metrics) = shape.cache(64 << 20, LIMIT.cast_unsigned());
        let before = allocated();
        let (leader, other) = (cache.call(shape.request(1)), cache.call(shape.request(1)));
        let (mut leader, mut other) = (leader.await.unwrap().into_body(), other.await.unwrap().into_body());
        let (mut most, mut length) = (0, 0);
        while let Some(frame) = leader.frame().await {
            length += frame.unwrap().into_data().unwrap().len();
            for _ in 0..20 {
                yield_now().await;
            }
            most = most.max(allocated() - before);
            other.frame().await.unwrap().unwrap();
        }
        assert_eq!((length, metrics.coalesced.get(), metrics.entries.get()), (16 << 20, 1, 0));
        println!("a flight: {most} bytes at most");
        assert!((LIMIT..LIMIT + (192 << 10)).contains(&most), "{most}");
    });
}
