//! Ten thousand requests for one key that is not there yet: how often the upstream is asked, and how long after its
//! first answer each of them has its own.

use std::time::{Duration, Instant};

use super::{
    super::{Effort, requests::turns},
    ALL, add,
};
use crate::{
    client::{Answer, Crowd},
    error::BenchError,
    machine,
    report::Results,
    subject::{ProxyKind, ProxyPrograms, Role, Setting},
    upstream::{FRESH, LENGTH, SLOW, TOGETHER, Upstream},
};

const CASE: &str = "stampede-10k";
const WAITERS: usize = 10_000;
/// Fewer without a proxy: both ends of each connection are this program's then, and 20,000 open files are what many a
/// container allows.
const WAITERS_DIRECT: usize = 9500;
/// Files that are open meanwhile: the clients' connections, and those of a proxy that has one for each of many.
const FILES: u64 = 19_500;

pub(super) fn run(programs: &ProxyPrograms, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    machine::require_files(FILES)?;
    for round in 0..effort.rounds {
        for kind in turns(&ALL, round) {
            turn(*kind, programs, results)?;
        }
    }
    Ok(())
}

fn turn(kind: ProxyKind, programs: &ProxyPrograms, results: &mut Results) -> Result<(), BenchError> {
    // Alone, it stands where a proxy would.
    let (processor, path, waiters) = match kind {
        ProxyKind::Direct => (machine::subject_processor(), TOGETHER, WAITERS_DIRECT),
        _ => (machine::upstream_processor(), SLOW, WAITERS),
    };
    let upstream = Upstream::start(processor, LENGTH)?;
    let proxy = kind.start(&Setting::new(programs, &upstream, Role::Cache))?;
    let told = |error| proxy.tell(error);
    let mut crowd = Crowd::gather(proxy.address, None, &proxy.get(FRESH, 1), waiters).map_err(told)?;
    let before = upstream.asked();
    let answers = crowd.ask(&proxy.get(path, 1)).map_err(told)?;
    let filled = upstream
        .filled()
        .ok_or_else(|| proxy.tell(BenchError::Client("the upstream was not asked".to_owned())))?;
    let waits = waits(filled, &answers);
    #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
    let (asked, failed) = ((upstream.asked() - before) as f64, (waiters - waits.len()) as f64);
    let mut add = |name, unit, value| add(results, CASE, proxy.name, (name, unit), value);
    // What the upstream is asked without a proxy says nothing of one.
    if kind != ProxyKind::Direct {
        add("upstream_loads", "1", asked);
    }
    for (name, share) in [("wake_first_ms", 0.0), ("wake_p50_ms", 0.5), ("wake_p99_ms", 0.99)] {
        if let Some(wait) = quantile(&waits, share) {
            add(name, "ms", wait.as_secs_f64() * 1000.0);
        }
    }
    add("failed", "1", failed);
    if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
        eprintln!("    {}, one of the failed: {error}", proxy.name);
    }
    Ok(())
}

/// How long after the fill each answer came, the shortest first; who has none is left out.
fn waits(filled: Instant, answers: &[Answer]) -> Vec<Duration> {
    let mut waits: Vec<_> =
        answers.iter().flatten().map(|answer| answer.saturating_duration_since(filled)).collect();
    waits.sort_unstable();
    waits
}

/// The one that so large a share of the sorted `waits` is not above.
fn quantile(waits: &[Duration], share: f64) -> Option<Duration> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a share of a count of ten thousand"
    )]
    let rank = (share * waits.len() as f64).ceil() as usize;
    waits.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_count_from_the_fill_and_leave_out_who_has_no_answer() {
        let filled = Instant::now();
        let after = |ms| Ok(filled + Duration::from_millis(ms));
        let before = Ok(filled.checked_sub(Duration::from_millis(1)).unwrap());
        let none = Err(BenchError::Client("the server closed a connection".to_owned()));
        let expected = [0, 3, 7].map(Duration::from_millis);
        assert_eq!(waits(filled, &[after(7), none, before, after(3)]), expected);
    }

    #[test]
    fn a_quantile_is_a_wait_that_happened() {
        let waits: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&waits, 0.99), Some(Duration::from_millis(198)));
        assert_eq!(quantile(&waits, 0.5), Some(Duration::from_millis(100)));
        assert_eq!(quantile(&waits[..1], 0.99), Some(Duration::from_millis(1)));
        assert_eq!(quantile(&[], 0.99), None);
    }
}
