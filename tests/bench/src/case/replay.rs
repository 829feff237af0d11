//! Starts on a log of a million records, and on none.

use std::time::Duration;

use super::Effort;
use crate::{
    dataset,
    error::BenchError,
    report::{Metric, Results},
    subject::{Kivi, Programs},
};

const CASE: &str = "replay-1m";
/// Starts without data a round; the shortest is what is left out of the rate, which so is never flattered.
const EMPTY_STARTS: usize = 3;

pub(super) fn run(programs: &Programs, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    let metric = |name, unit| Metric { case: CASE, subject: "kivi", name, unit };
    for _ in 0..effort.rounds {
        let mut empty = Duration::MAX;
        for _ in 0..EMPTY_STARTS {
            empty = empty.min(started_in(programs, 0)?);
        }
        let full = started_in(programs, effort.keys)?;
        results.add(metric("start_s", "s"), full.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "counts of keys are far below 2^52")]
        let rate = effort.keys as f64 / full.saturating_sub(empty).as_secs_f64();
        results.add(metric("records_per_s", "1/s"), rate);
    }
    Ok(())
}

/// How long a start on a fresh log of so many keys takes. It is in the system's cache.
pub(super) fn started_in(programs: &Programs, keys: usize) -> Result<Duration, BenchError> {
    let kivi = Kivi::new(programs)?;
    dataset::write(&kivi.data(), keys, dataset::VALUE, 1)?;
    let (_subject, took) = kivi.start_timed()?;
    eprintln!("    a start on {keys} keys: {took:.3?}");
    Ok(took)
}
