//! What the proxies take in memory: at rest, and for a connection.

use super::{super::Effort, PROXIES, add};
use crate::{
    client::Crowd,
    error::BenchError,
    machine,
    report::Results,
    subject::{Certificate, ProxyPrograms, Role, Setting},
    upstream::{LENGTH, PLAIN, Upstream},
};

/// Connections that are opened, each used once and then left open.
const CONNECTIONS: usize = 10_000;
/// Files that are open meanwhile.
const FILES: u64 = 12_000;

pub(super) fn idle(
    programs: &ProxyPrograms,
    effort: Effort,
    results: &mut Results,
) -> Result<(), BenchError> {
    let upstream = Upstream::start(machine::upstream_processor(), LENGTH)?;
    let certificate = Certificate::new(&programs.scratch)?;
    for _ in 0..effort.rounds {
        for kind in PROXIES {
            let proxy = kind.start(&setting(programs, &upstream, &certificate))?;
            if let Some(bytes) = proxy.resident_bytes()? {
                add(results, "memory-idle", proxy.name, ("rss_mb", "MB"), float(bytes) / 1e6);
            }
        }
    }
    Ok(())
}

pub(super) fn connections(
    programs: &ProxyPrograms,
    effort: Effort,
    results: &mut Results,
) -> Result<(), BenchError> {
    machine::require_files(FILES)?;
    let upstream = Upstream::start(machine::upstream_processor(), LENGTH)?;
    let certificate = Certificate::new(&programs.scratch)?;
    for _ in 0..effort.rounds {
        for kind in PROXIES {
            let proxy = kind.start(&setting(programs, &upstream, &certificate))?;
            let before = proxy.resident_bytes()?;
            let requests = proxy.get(PLAIN, 1);
            let _crowd = Crowd::gather(proxy.address, proxy.trust.as_ref(), &requests, CONNECTIONS)
                .map_err(|error| proxy.tell(error))?;
            if let (Some(before), Some(after)) = (before, proxy.resident_bytes()?) {
                let each = float(after.saturating_sub(before)) / 1024.0 / float(CONNECTIONS as u64);
                add(results, "memory-conn", proxy.name, ("kib_per_connection", "KiB"), each);
            }
        }
    }
    Ok(())
}

/// As a store's pod has it: TLS, and nothing kept.
fn setting<'s>(
    programs: &'s ProxyPrograms,
    upstream: &'s Upstream,
    certificate: &'s Certificate,
) -> Setting<'s> {
    Setting { certificate: Some(certificate), ..Setting::new(programs, upstream, Role::Forward) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of bytes are far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
