//! One load and its readers.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::Empty;
use shuttle::{
    future::{block_on, spawn},
    rand::{Rng, thread_rng},
};

use crate::{
    cache::CachePolicy,
    client::{Outcome, World},
    runtime::{kill_loads, or_not, point},
    upstream::{CHUNK, Ending, Plan},
};

const KEY: &str = "/v1/k";

/// Coalesces only, and keeps no failure.
fn coalescing() -> CachePolicy {
    CachePolicy { error_ttl: Duration::ZERO, unshared_ttl: Duration::ZERO, ..CachePolicy::default() }
}

fn headers(name: &'static str, value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
}

/// Each gets the whole body, and there is never more than one load at a time.
pub(crate) fn one_load_for_all_who_ask() {
    block_on(async {
        let world = World::new(coalescing(), Plan::default());
        let readers = [(); 4].map(|()| world.reader(KEY));
        for reader in readers {
            assert_eq!(reader.await.unwrap().unwrap(), 0);
        }
        assert_eq!(world.upstream.most_at_once(), 1);
        assert_eq!(world.metrics.miss.get(), world.upstream.reads());
    });
}

/// Those who stay are served whoever leaves, the leader included, and the key is free after.
pub(crate) fn readers_leave_at_any_time() {
    block_on(async {
        let mut world = World::new(coalescing(), Plan::default());
        let fickle = [(); 3].map(|()| world.fickle(KEY));
        let stays = world.reader(KEY);
        assert_eq!(stays.await.unwrap().unwrap(), 0);
        for reader in fickle {
            assert!(reader.await.unwrap().is_none_or(|outcome| outcome.is_ok()));
        }
        world.upstream.idle().await;
        assert_eq!(world.get(KEY).await.unwrap(), 0);
        assert_eq!(world.metrics.waiters.get(), 0);
    });
}

/// The upstream never ends its answer: the load would not end either.
pub(crate) fn nobody_left_cancels_the_load() {
    block_on(async {
        let world = World::new(coalescing(), Plan { ending: Ending::Never, ..Plan::default() });
        let fickle = [(); 3].map(|()| world.fickle(KEY));
        for reader in fickle {
            assert!(reader.await.unwrap().is_none());
        }
        world.upstream.idle().await;
    });
}

/// Its readers have the body or an error, and the key is free after.
pub(crate) fn the_load_dies_at_any_time() {
    block_on(async {
        let mut world = World::new(coalescing(), Plan::default());
        let readers = [(); 3].map(|()| world.reader(KEY));
        let killer = spawn(async {
            point();
            kill_loads();
        });
        for reader in readers {
            drop(reader.await.unwrap());
        }
        killer.await.unwrap();
        assert_eq!(world.get(KEY).await.unwrap(), 0);
    });
}

/// No reader takes a part for the whole.
pub(crate) fn the_upstream_breaks_off() {
    block_on(async {
        let world = World::new(coalescing(), Plan { ending: Ending::Broken, ..Plan::default() });
        let readers = [(); 3].map(|()| world.reader(KEY));
        for reader in readers {
            assert!(reader.await.unwrap().is_err());
        }
        assert_eq!(world.upstream.most_at_once(), 1);
    });
}

/// A body over the bound is held in part only, and reaches each reader whole or ends in an error.
pub(crate) fn a_body_passes_through_a_window() {
    const WINDOW: usize = 2;
    block_on(async {
        let policy = CachePolicy { max_object_bytes: (WINDOW * CHUNK) as u64, ..coalescing() };
        let plan = Plan { chunks: 9, ..Plan::default() };
        let is_hasty = thread_rng().gen_bool(0.5);
        let world = World::with_clock(policy, plan, is_hasty);
        let readers = [world.reader(KEY), world.reader(KEY)];
        let fickle = world.fickle(KEY);
        for reader in readers {
            let outcome = reader.await.unwrap();
            assert!(is_hasty || outcome.is_ok(), "{outcome:?}");
        }
        drop(fickle.await);
        // The window, the chunk that fills it, the loader's next, and one in each reader's hand.
        let most = WINDOW + 2 + 3;
        assert!(world.upstream.peak() <= most, "{} chunks", world.upstream.peak());
        world.upstream.idle().await;
    });
}

/// It goes to the request that it answers, and to no other.
pub(crate) fn an_answer_for_one_request() {
    block_on(async {
        let plan = Plan { headers: headers("cache-control", "private"), echoes: true, ..Plan::default() };
        let world = World::new(coalescing(), plan);
        let fickle = [1, 2].map(|number| (number, spawn(or_not(ask_as(&world, number)))));
        let stay = [3, 4].map(|number| (number, spawn(ask_as(&world, number))));
        for (number, reader) in stay {
            assert_eq!(reader.await.unwrap().unwrap(), number);
        }
        for (number, reader) in fickle {
            if let Ok(outcome) = reader.await.unwrap() {
                assert_eq!(outcome.unwrap(), number);
            }
        }
        world.upstream.idle().await;
    });
}

/// Each gets its own variant.
pub(crate) fn a_vary_learned_late() {
    block_on(async {
        let plan = Plan { headers: headers("vary", "accept-language"), echoes: true, ..Plan::default() };
        let world = World::new(coalescing(), plan);
        let readers = [1, 2, 1].map(|number| (number, spawn(ask_as(&world, number))));
        for (number, reader) in readers {
            assert_eq!(reader.await.unwrap().unwrap(), number);
        }
        assert!(world.upstream.most_at_once() <= 2);
    });
}

/// A request whose own answer is `number`.
fn ask_as(world: &World, number: u64) -> impl Future<Output = Outcome> + use<> {
    let mut world = world.clone();
    async move {
        let request = Request::get(KEY).header("accept-language", number);
        world.ask(request.body(Empty::new())?).await
    }
}

/// What is stored is within the bound, and is all given back.
pub(crate) fn memory_is_accounted_for() {
    const KEYS: [&str; 3] = ["/v1/a", "/v1/b", "/v1/c"];
    block_on(async {
        let bound = 1500;
        let policy = CachePolicy { ttl: Duration::from_hours(1), max_bytes: bound, ..coalescing() };
        let mut world = World::new(policy, Plan::default());
        let readers = KEYS.map(|key| world.reader(key));
        let again = world.reader(KEYS[0]);
        for reader in readers.into_iter().chain([again]) {
            assert_eq!(reader.await.unwrap().unwrap(), 0);
        }
        world.upstream.idle().await;
        assert!(world.metrics.bytes.get() <= bound.cast_signed());
        for key in KEYS {
            world.write("PUT", key).await.unwrap();
        }
        // A load may be about to find that it is not to be stored.
        while (world.metrics.bytes.get(), world.metrics.entries.get()) != (0, 0) {
            shuttle::future::yield_now().await;
        }
    });
}
