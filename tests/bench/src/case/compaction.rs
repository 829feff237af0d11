//! What a compaction costs those who read and write meanwhile.
//!
//! A server that is started on a log of which more than half is garbage soon compacts it. The same load goes on from
//! its start: in slices until the compaction is counted, and then once more, at rest.

use std::time::{Duration, Instant};

use super::Effort;
use crate::{
    client::{Keys, Load, Measured, Pace, Requests},
    dataset,
    error::BenchError,
    interrupt,
    report::{Metric, Results},
    subject::{Kivi, Programs, Subject},
};

/// Bytes of a value.
const VALUE: usize = 256;
/// How often each key is in the log.
const TIMES: usize = 3;
/// Requests a second, of reads and then of writes: far below what the server can.
const RATE: f64 = 2000.0;
const CONNECTIONS: usize = 16;
/// Of one kind of requests, until the next.
const SLICE: Duration = Duration::from_millis(250);
/// From readiness to when the compaction runs for certain: the server looks every second.
const BEGINS: Duration = Duration::from_millis(1200);
/// At the least so long it is measured at rest: the slowest of a hundred requests are few in less.
const AT_REST: Duration = Duration::from_secs(4);
/// Until when it must be over.
const OVER: Duration = Duration::from_mins(1);
const COUNTER: &str = "kivi_log_compactions_total";

/// Latencies of both kinds.
#[derive(Default)]
struct Latencies {
    get: Option<Measured>,
    put: Option<Measured>,
}

struct Loads<'s> {
    subject: &'s Subject,
    get: Requests,
    put: Requests,
}

pub(super) fn run(programs: &Programs, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    for _ in 0..effort.rounds {
        let kivi = Kivi::new(programs)?;
        dataset::write(&kivi.data(), effort.keys, VALUE, TIMES)?;
        round(&kivi.start()?, effort, results)?;
    }
    Ok(())
}

/// Loads a server that was just started, until behind its compaction.
fn round(subject: &Subject, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    let (started, before) = (Instant::now(), subject.resident_bytes()?);
    let (get, put) = (subject.get(effort.keys), subject.put(effort.keys, VALUE));
    let loads = Loads { subject, get, put };
    let (mut during, mut idle, mut peak) = (Latencies::default(), Latencies::default(), before);
    while !has_compacted(subject) {
        interrupt::check()?;
        if started.elapsed() > OVER {
            let what = format!("no compaction was counted within {OVER:?}");
            return Err(subject.tell(BenchError::Client(what)));
        }
        let runs = started.elapsed() > BEGINS;
        let slice = loads.slice()?;
        if runs {
            during.add(slice);
        }
        peak = peak.max(subject.resident_bytes()?);
    }
    let rest = Instant::now();
    while rest.elapsed() < effort.length.max(AT_REST) {
        idle.add(loads.slice()?);
    }
    let metric = |name, unit| Metric { case: "compaction", subject: "kivi", name, unit };
    let mut worst: f64 = 0.0;
    for (name, during, idle) in
        [("get_p99_ratio", during.get, idle.get), ("put_p99_ratio", during.put, idle.put)]
    {
        let (Some(during), Some(idle)) = (during, idle) else {
            return Err(BenchError::Client("the compaction was over before it was measured".to_owned()));
        };
        let (slow, usual) = (during.quantile_ms(0.99), idle.quantile_ms(0.99));
        eprintln!("    {name}: {slow:.3} ms during, {usual:.3} ms at rest");
        results.add(metric(name, "x"), slow / usual);
        worst = worst.max(slow / usual);
    }
    results.add(metric("p99_ratio", "x"), worst);
    #[expect(clippy::cast_precision_loss, reason = "counts of bytes are far below 2^52")]
    results.add(metric("extra_memory_ratio", "x"), peak as f64 / before as f64 - 1.0);
    Ok(())
}

fn has_compacted(subject: &Subject) -> bool {
    subject.scrape(COUNTER).is_some_and(|count| count > 0.0)
}

impl Loads<'_> {
    /// Reads for a while, then writes.
    fn slice(&self) -> Result<Latencies, BenchError> {
        let load = |requests| {
            let load = self.subject.load(requests, CONNECTIONS, Keys::Random(SLICE));
            let load = Load { pace: Pace::Open(RATE), warm_up: Duration::ZERO, ..load };
            load.run().map_err(|error| self.subject.tell(error))
        };
        Ok(Latencies { get: Some(load(&self.get)?), put: Some(load(&self.put)?) })
    }
}

impl Latencies {
    fn add(&mut self, slice: Self) {
        for (sum, slice) in [(&mut self.get, slice.get), (&mut self.put, slice.put)] {
            match (sum, slice) {
                (Some(sum), Some(slice)) => sum.merge(&slice),
                (sum, slice) => *sum = slice,
            }
        }
    }
}
