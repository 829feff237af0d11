//! Loads of requests, each subject's turn in each round.

use super::Effort;
use crate::{
    client::{Keys, Measured, Requests},
    error::BenchError,
    machine,
    report::{Metric, Results},
    subject::{Peer, Programs, Subject},
};

/// Keys that are asked for.
pub(super) const KEYS: usize = 100_000;
/// Bytes of a value.
pub(super) const VALUE: usize = 256;
/// Connections of the loads that use many.
const CONNECTIONS: usize = 64;

/// A subject and what it is asked.
struct Contender {
    subject: Subject,
    requests: Requests,
}

pub(super) fn get_256(programs: &Programs, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    let peers = [Peer::Kivi, Peer::NginxReturn, Peer::GoMap, Peer::Limit];
    let contenders = start(programs, &peers, |subject| {
        // These two answer whatever they are asked.
        if !["nginx-return", "limit"].contains(&subject.name) {
            subject.fill(KEYS, VALUE)?;
        }
        Ok(subject.get(KEYS))
    })?;
    in_rounds("get-256", &contenders, CONNECTIONS, effort, results)
}

pub(super) fn put_256(programs: &Programs, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    let peers = [Peer::Kivi, Peer::RedisAlways, Peer::RedisEverysec, Peer::EtcdJson, Peer::GoMap];
    let contenders = start(programs, &peers, |subject| Ok(subject.put(KEYS, VALUE)))?;
    in_rounds("put-256-fsync", &contenders, CONNECTIONS, effort, results)
}

pub(super) fn put_1conn(
    programs: &Programs,
    effort: Effort,
    results: &mut Results,
) -> Result<(), BenchError> {
    const CASE: &str = "put-1conn-fsync";
    let peers = [Peer::Kivi, Peer::RedisAlways, Peer::EtcdJson];
    let contenders = start(programs, &peers, |subject| Ok(subject.put(KEYS, VALUE)))?;
    let kivi = &contenders[0].subject;
    kivi.fill(KEYS, VALUE)?;
    let get = kivi.get(KEYS);
    for round in 0..effort.rounds {
        for contender in turns(&contenders, round) {
            let rps = contender.load(1, effort)?.rps;
            add(results, CASE, contender.subject.name, ("rps", "1/s"), rps);
        }
        let sync = machine::fdatasync(&programs.scratch)?.as_secs_f64();
        let load = kivi.load(&get, 1, Keys::Random(effort.length / 3));
        let round_trip = load.run().map_err(|error| kivi.tell(error))?.quantile_ms(0.5) / 1000.0;
        add(results, CASE, "limit", ("fdatasync_p50_ms", "ms"), sync * 1000.0);
        add(results, CASE, "limit", ("get_p50_ms", "ms"), round_trip * 1000.0);
        add(results, CASE, "limit", ("rps", "1/s"), 1.0 / (sync + round_trip));
    }
    Ok(())
}

fn start(
    programs: &Programs,
    peers: &[Peer],
    prepare: impl Fn(&Subject) -> Result<Requests, BenchError>,
) -> Result<Vec<Contender>, BenchError> {
    let start = |peer: &Peer| {
        let subject = peer.start(programs)?;
        let requests = prepare(&subject)?;
        Ok(Contender { subject, requests })
    };
    peers.iter().map(start).collect()
}

fn in_rounds(
    case: &'static str,
    contenders: &[Contender],
    connections: usize,
    effort: Effort,
    results: &mut Results,
) -> Result<(), BenchError> {
    for round in 0..effort.rounds {
        for contender in turns(contenders, round) {
            let measured = contender.load(connections, effort)?;
            let name = contender.subject.name;
            eprintln!("    round {} {name}: {:.0} requests a second", round + 1, measured.rps);
            add(results, case, name, ("rps", "1/s"), measured.rps);
            add(results, case, name, ("p99_ms", "ms"), measured.quantile_ms(0.99));
        }
    }
    Ok(())
}

/// Everybody once, another one first in each round.
pub(super) fn turns<T>(contenders: &[T], round: usize) -> impl Iterator<Item = &T> {
    let first = round % contenders.len();
    contenders[first..].iter().chain(&contenders[..first])
}

impl Contender {
    fn load(&self, connections: usize, effort: Effort) -> Result<Measured, BenchError> {
        let load = self.subject.load(&self.requests, connections, Keys::Random(effort.length));
        load.run().map_err(|error| self.subject.tell(error))
    }
}

fn add(
    results: &mut Results,
    case: &'static str,
    subject: &'static str,
    (name, unit): (&'static str, &'static str),
    value: f64,
) {
    results.add(Metric { case, subject, name, unit }, value);
}
