//! The cache under a scheduler that decides, at every lock, atomic and wait, which task goes on.
//!
//! The sources of the layer are compiled here once more, on the primitives of `runtime` instead of the real
//! ones, and driven from outside, as a binary drives the layer. Each scenario runs twice, the second time with reads that
//! go past the layer, where a load is its leader's to drive; and under many schedules:
//! random ones, and ones with few but badly placed switches (PCT). A task that waits for ever is a
//! deadlock that the scheduler reports; everything else is asserted. The schedules are the same at each
//! run; `KIVI_SOAK` multiplies their number. A failure prints its schedule, which `KIVI_SCHEDULE` replays, given the scenario's
//! whole name.
//!
//! `cargo test -p kivi-layers --test model [-- NAME]`
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test with a harness of its own"
)]

#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "its interface is the library's, its unit tests too"
)]
#[path = "../../src/cache/mod.rs"]
mod cache;
mod client;
mod flights;
mod runtime;
mod scenarios;
mod upstream;
mod writes;

use std::{env, time::Instant};

use kivi_layers::{Peer, PeerOf, auth, timeout};
use scenarios::run;
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};

/// Tasks that are held up at a badly chosen point in one schedule of PCT: few are enough for most races, and
/// the fewer there are, the sooner the right ones are hit.
const DEPTHS: [usize; 2] = [2, 3];

fn main() {
    let wanted = env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let times: usize = env::var("KIVI_SOAK").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    let schedule = env::var("KIVI_SCHEDULE").ok();
    // Timers are made where the layer's own clock is not the model's. They never come: nobody drives this.
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = clock.enter();
    let both = scenarios::ALL.iter().flat_map(|scenario| [false, true].map(|express| (scenario, express)));
    for ((name, scenario, schedules), express) in both {
        let name = format!("{name}{}", if express { "_expressly" } else { "" });
        if wanted.as_ref().is_some_and(|wanted| !name.contains(wanted)) {
            continue;
        }
        runtime::express(express);
        if let Some(schedule) = &schedule {
            // A schedule is of one scenario.
            if wanted.as_ref().is_none_or(|wanted| *wanted == name) {
                run(ReplayScheduler::new_from_encoded(schedule), *scenario);
            }
            continue;
        }
        print!("model {name} ... ");
        let (began, schedules) = (Instant::now(), schedules * times);
        run(RandomScheduler::new_from_seed(5, schedules), *scenario);
        for depth in DEPTHS {
            run(PctScheduler::new_from_seed(5, depth, schedules), *scenario);
        }
        let schedules = (1 + DEPTHS.len()) * schedules;
        println!("ok: {schedules} schedules in {:.1?}", began.elapsed());
    }
}
