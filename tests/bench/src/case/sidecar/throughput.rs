//! As many requests as go through, each subject's turn in each round.

use super::{
    super::{Effort, requests::turns},
    add, start_all,
};
use crate::{
    client::{Keys, Requests},
    error::BenchError,
    machine,
    report::Results,
    subject::{Proxy, ProxyPrograms, Role, Setting, Transport},
    upstream::{FRESH, LENGTH, PLAIN, Upstream},
};

const CONNECTIONS: usize = 64;

pub(super) fn cache_hit(
    programs: &ProxyPrograms,
    effort: Effort,
    results: &mut Results,
) -> Result<(), BenchError> {
    run("cache-hit", (FRESH, Role::Cache, Transport::Unix), programs, effort, results)
}

pub(super) fn proxy_get(
    programs: &ProxyPrograms,
    effort: Effort,
    results: &mut Results,
) -> Result<(), BenchError> {
    run("proxy-get", (PLAIN, Role::Forward, Transport::Unix), programs, effort, results)
}

pub(super) fn proxy_get_tcp(
    programs: &ProxyPrograms,
    effort: Effort,
    results: &mut Results,
) -> Result<(), BenchError> {
    run("proxy-get-tcp", (PLAIN, Role::Forward, Transport::Tcp), programs, effort, results)
}

fn run(
    case: &'static str,
    (path, role, transport): (&str, Role, Transport),
    programs: &ProxyPrograms,
    effort: Effort,
    results: &mut Results,
) -> Result<(), BenchError> {
    let upstream = Upstream::start(machine::upstream_processor(), LENGTH)?;
    let prepare = |proxy: Proxy| {
        let requests = proxy.get(path, effort.keys);
        // Each key once: what a cache keeps is there from then on.
        load(&proxy, &requests, Keys::EachOnce)?;
        Ok((proxy, requests))
    };
    let proxies = start_all(&Setting { transport, ..Setting::new(programs, &upstream, role) })?;
    let contenders = proxies.into_iter().map(prepare).collect::<Result<Vec<_>, BenchError>>()?;
    for round in 0..effort.rounds {
        for (proxy, requests) in turns(&contenders, round) {
            let before = upstream.asked();
            let (rps, slow) = load(proxy, requests, Keys::Random(effort.length))?;
            add(results, case, proxy.name, ("rps", "1/s"), rps);
            add(results, case, proxy.name, ("p99_ms", "ms"), slow);
            if role == Role::Cache && proxy.name != "direct" {
                #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
                let asked = (upstream.asked() - before) as f64;
                add(results, case, proxy.name, ("upstream_loads", "1"), asked);
            }
        }
    }
    Ok(())
}

/// Requests a second, and the 99th percentile of their latency in milliseconds.
fn load(proxy: &Proxy, requests: &Requests, keys: Keys) -> Result<(f64, f64), BenchError> {
    let measured = proxy.load(requests, CONNECTIONS, keys).run().map_err(|error| proxy.tell(error))?;
    Ok((measured.rps, measured.quantile_ms(0.99)))
}
