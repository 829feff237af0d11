//! The sidecar's cases: it and other proxies in front of one upstream.

mod curves;
mod latency;
mod memory;
mod stampede;
mod throughput;

use std::path::Path;

use clap::ValueEnum;

use super::{Effort, Suite};
use crate::{
    error::BenchError,
    report::{Metric, Page, Results, SIDECAR_PAGE},
    subject::{Proxy, ProxyKind, ProxyPrograms, Setting},
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SidecarCase {
    /// Answers that were kept, on 64 connections.
    CacheHit,
    /// Answers that the upstream is asked for each time, on 64 connections.
    ProxyGet,
    /// The same with the upstream on TCP, where a server on another machine would be.
    ProxyGetTcp,
    /// 10,000 requests for one key that is not there yet.
    #[value(name = "stampede-10k")]
    Stampede10K,
    /// What a proxy adds to a request's latency at 1,000 requests a second, over TLS.
    #[value(name = "added-latency-1k")]
    AddedLatency1K,
    /// Memory after a start.
    MemoryIdle,
    /// What a connection takes in memory.
    MemoryConn,
}

impl Suite for SidecarCase {
    type Programs = ProxyPrograms;

    const PAGE: Page = SIDECAR_PAGE;
    const FIGURES: &'static str = "target/bench/sidecar.jsonl";
    const CURVES: &'static str = "Also draw requests a second against connections, and against the bytes of an answer; beside the page";
    // What nginx keeps are files that it holds open.
    const KEYS: (usize, usize) = (5000, 1000);

    fn run(&self, programs: &ProxyPrograms, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
        match self {
            Self::CacheHit => throughput::cache_hit(programs, effort, results),
            Self::ProxyGet => throughput::proxy_get(programs, effort, results),
            Self::ProxyGetTcp => throughput::proxy_get_tcp(programs, effort, results),
            Self::Stampede10K => stampede::run(programs, effort, results),
            Self::AddedLatency1K => latency::run(programs, effort, results),
            Self::MemoryIdle => memory::idle(programs, effort, results),
            Self::MemoryConn => memory::connections(programs, effort, results),
        }
    }

    fn draw_curves(programs: &ProxyPrograms, effort: Effort, folder: &Path) -> Result<(), BenchError> {
        curves::draw(programs, effort, folder)
    }

    fn scratch(programs: &ProxyPrograms) -> &Path {
        &programs.scratch
    }

    fn versions(programs: &ProxyPrograms) -> String {
        programs.versions()
    }
}

/// The proxies, which are compared with each other.
const PROXIES: [ProxyKind; 4] = [ProxyKind::Kivi, ProxyKind::Nginx, ProxyKind::Haproxy, ProxyKind::Varnish];
/// The proxies, and the upstream without one.
const ALL: [ProxyKind; 5] =
    [ProxyKind::Kivi, ProxyKind::Nginx, ProxyKind::Haproxy, ProxyKind::Varnish, ProxyKind::Direct];

/// Starts everybody in front of one upstream.
fn start_all(setting: &Setting<'_>) -> Result<Vec<Proxy>, BenchError> {
    ALL.iter().map(|kind| kind.start(setting)).collect()
}

/// Adds a round's figure, and tells whoever waits.
fn add(
    results: &mut Results,
    case: &'static str,
    subject: &'static str,
    (name, unit): (&'static str, &'static str),
    value: f64,
) {
    eprintln!("    {subject}: {name} {value:.3} {unit}");
    results.add(Metric { case, subject, name, unit }, value);
}
