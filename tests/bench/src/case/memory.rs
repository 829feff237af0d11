//! What a key adds to a server's resident memory.

use super::Effort;
use crate::{
    dataset,
    error::BenchError,
    report::{Metric, Results},
    subject::{Kivi, Peer, Programs},
};

pub(super) fn run(programs: &Programs, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    for _ in 0..effort.rounds {
        let empty = Peer::Kivi.start(programs)?.resident_bytes()?;
        let kivi = Kivi::new(programs)?;
        dataset::write(&kivi.data(), effort.keys, dataset::VALUE, 1)?;
        let full = kivi.start()?.resident_bytes()?;
        add(results, "kivi", full - empty, effort.keys);
        for peer in [Peer::RedisEverysec, Peer::GoMap] {
            let subject = peer.start(programs)?;
            let empty = subject.resident_bytes()?;
            subject.fill(effort.keys, dataset::VALUE)?;
            add(results, subject.name, subject.resident_bytes()?.saturating_sub(empty), effort.keys);
        }
    }
    Ok(())
}

fn add(results: &mut Results, subject: &'static str, bytes: u64, keys: usize) {
    let metric = Metric { case: "memory-1m", subject, name: "bytes_per_key", unit: "B" };
    #[expect(clippy::cast_precision_loss, reason = "counts of bytes are far below 2^52")]
    let each = bytes as f64 / keys as f64;
    eprintln!("    {subject}: {each:.1} bytes a key");
    results.add(metric, each);
}
