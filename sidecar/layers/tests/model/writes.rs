//! Reads and writes of one counter: no read is older than what was known when it began.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use http::{HeaderValue, header};
use shuttle::future::{block_on, spawn};

use crate::{
    cache::CachePolicy,
    client::World,
    runtime::{kill_loads, or_not, point},
    upstream::Plan,
};

/// What the clients know by now.
#[derive(Debug, Default)]
struct Known {
    acknowledged: AtomicU64,
    read: AtomicU64,
}

/// What is read and written, and how.
#[derive(Debug, Clone, Copy)]
struct Case {
    method: &'static str,
    written: &'static str,
    read: &'static str,
    ttl: Duration,
    /// The answers are stale at once, may be served so, and are validated by their tag.
    stale: bool,
    /// Clients may leave at any moment, and loads die at any.
    dies: bool,
}

const PLAIN: Case =
    Case { method: "PUT", written: "/v1/k", read: "/v1/k", ttl: Duration::ZERO, stale: false, dies: false };

/// Nothing is kept: a read sees what was acknowledged, and what others read, before it began.
pub(crate) fn a_key_is_written() {
    run(PLAIN);
}

/// A read sees what was acknowledged before it began, from the store too.
pub(crate) fn a_kept_key_is_written() {
    run(Case { ttl: Duration::from_hours(1), ..PLAIN });
}

/// And where it is stale, while a load for nobody refreshes it.
pub(crate) fn a_stale_key_is_written() {
    run(Case { stale: true, ..PLAIN });
}

/// And where it is not cleared by name.
pub(crate) fn a_stale_listing_is_written() {
    run(Case { stale: true, read: "/v1/", ..PLAIN });
}

/// A listing may hold any key.
pub(crate) fn a_listing_is_written() {
    run(Case { read: "/v1/", ..PLAIN });
}

/// A POST may change any key.
pub(crate) fn a_post_writes_any_key() {
    run(Case { method: "POST", written: "/v1/", ..PLAIN });
}

/// Writes of which nobody knows the end, readers that leave, and loads without an end.
pub(crate) fn clients_and_loads_die() {
    run(Case { dies: true, ..PLAIN });
}

fn run(case: Case) {
    block_on(async move {
        let policy = CachePolicy { ttl: case.ttl, error_ttl: Duration::ZERO, ..CachePolicy::default() };
        let mut plan = Plan { chunks: 1, tags: case.stale, ..Plan::default() };
        if case.stale {
            let directives = HeaderValue::from_static("max-age=0, stale-while-revalidate=3600");
            plan.headers.insert(header::CACHE_CONTROL, directives);
        }
        let mut world = World::new(policy, plan);
        let known = Arc::new(Known::default());
        let writers = [(); 2].map(|()| {
            let (mut world, known) = (world.clone(), Arc::clone(&known));
            spawn(async move {
                let write = world.write(case.method, case.written);
                let revision = if case.dies {
                    or_not(write).await.ok().map(Result::unwrap)
                } else {
                    Some(write.await.unwrap())
                };
                known.acknowledged.fetch_max(revision.unwrap_or(0), SeqCst);
            })
        });
        let readers = [false, true].map(|is_fickle| {
            let (mut world, known) = (world.clone(), Arc::clone(&known));
            spawn(async move {
                for _ in 0..2 {
                    let read = read(&mut world, &known, case);
                    if case.dies && is_fickle {
                        drop(or_not(read).await);
                    } else {
                        read.await;
                    }
                    point();
                }
            })
        });
        if case.dies {
            point();
            kill_loads();
        }
        for task in writers.into_iter().chain(readers) {
            task.await.unwrap();
        }
        read(&mut world, &known, Case { dies: false, ..case }).await;
    });
}

async fn read(world: &mut World, known: &Known, case: Case) {
    let keeps = !case.ttl.is_zero() || case.stale;
    let least = known.acknowledged.load(SeqCst);
    let least = if keeps { least } else { least.max(known.read.load(SeqCst)) };
    let value = match world.get(case.read).await {
        Ok(value) => value,
        Err(error) => {
            assert!(case.dies, "{error}");
            return;
        }
    };
    assert!(value >= least, "read {value} where {least} was known");
    known.read.fetch_max(value, SeqCst);
}
