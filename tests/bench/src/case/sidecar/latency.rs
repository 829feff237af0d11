//! What a proxy adds to a request's latency while it has little to do.
//!
//! The client looks at the clock all the time, so the upstream is beside the proxies, on a processor that is idle mostly.

use super::{
    super::{Effort, requests::turns},
    add, start_all,
};
use crate::{
    client::{Keys, Load, Pace},
    error::BenchError,
    machine,
    report::Results,
    subject::{Certificate, Proxy, ProxyPrograms, Role, Setting},
    upstream::{LENGTH, PLAIN, Upstream},
};

const CASE: &str = "added-latency-1k";
/// Requests a second.
const RATE: f64 = 1000.0;
const CONNECTIONS: usize = 16;

pub(super) fn run(programs: &ProxyPrograms, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    let upstream = Upstream::start(machine::subject_processor(), LENGTH)?;
    let certificate = Certificate::new(&programs.scratch)?;
    let setting = Setting::new(programs, &upstream, Role::Forward);
    let proxies = start_all(&Setting { certificate: Some(&certificate), ..setting })?;
    for round in 0..effort.rounds {
        let mut measured = Vec::new();
        for proxy in turns(&proxies, round) {
            measured.push((proxy.name, latency(proxy, effort)?));
        }
        let direct = measured.iter().find(|(name, _)| *name == "direct").map(|(_, latency)| *latency);
        for (name, [median, slow]) in measured {
            add(results, CASE, name, ("p50_ms", "ms"), median);
            add(results, CASE, name, ("p99_ms", "ms"), slow);
            if let Some([direct_median, direct_slow]) = direct
                && name != "direct"
            {
                add(results, CASE, name, ("added_p50_ms", "ms"), median - direct_median);
                add(results, CASE, name, ("added_p99_ms", "ms"), slow - direct_slow);
            }
        }
    }
    Ok(())
}

/// The median and the 99th percentile, in milliseconds.
fn latency(proxy: &Proxy, effort: Effort) -> Result<[f64; 2], BenchError> {
    let requests = proxy.get(PLAIN, effort.keys);
    let load = proxy.load(&requests, CONNECTIONS, Keys::Random(effort.length));
    let load = Load { pace: Pace::Open(RATE), ..load };
    let measured = load.run().map_err(|error| proxy.tell(error))?;
    Ok([0.5, 0.99].map(|quantile| measured.quantile_ms(quantile)))
}
