//! Many stores at once, in a cluster that is full of other things: what the operator takes, asks and does.

use std::time::{Duration, Instant};

use kivi_cluster::Cluster;
use kivi_tests::install::Installed;

use super::{
    Effort, add,
    api::Server,
    blocking,
    calls::{self, Calls},
    edits::{quantile, reactions},
    failure, install,
    memory::resident,
    room::{self, LABEL},
    watch::{store_is_ready, until, untyped},
};
use crate::{error::BenchError, interrupt, report::Results};

/// So long without a write the operator is at rest.
const QUIET: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_secs(1);

pub(crate) async fn stores(effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    eprintln!("==> {}", case(effort.stores));
    let cluster = blocking("find the cluster", Cluster::attach).await?;
    room::clear(&cluster).await?;
    let measured = measure(&cluster, effort, results).await;
    eprintln!("    clearing up");
    let cleared = room::clear(&cluster).await;
    measured.and(cleared)
}

/// The bars are of the first.
fn case(stores: usize) -> &'static str {
    match stores {
        1000 => "stores-1000",
        5000 => "stores-5000",
        _ => "stores",
    }
}

async fn measure(cluster: &Cluster, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    let server = Server::connect(cluster.kubeconfig()).await?;
    room::furnish(&server, cluster, effort.stores, effort.foreign).await?;
    let figure =
        |results: &mut Results, metric, value| add(results, case(effort.stores), "kivi", metric, value);
    let installed = install().await?;
    let pid = process(&installed).await?;
    at_rest(&server).await?;

    let before = calls::count(&server).await?;
    let began = Instant::now();
    server.apply_all((0..effort.stores).map(room::store)).await?;
    let all = untyped(server.client.clone(), ("kivi.dev", "KeyValueStore"), None);
    until(all, LABEL, effort.stores, store_is_ready).await?;
    figure(results, ("all_ready_s", "s"), began.elapsed().as_secs_f64());
    let Calls { writes, reads, .. } = calls::count(&server).await?.since(before);
    let each = |calls: u64| float(calls) / float(effort.stores as u64);
    figure(results, ("api_calls_per_store", "1"), each(writes + reads));
    figure(results, ("api_writes_per_store", "1"), each(writes));

    at_rest(&server).await?;
    let before = calls::count(&server).await?;
    pause(effort.rest).await?;
    let at_rest_calls = calls::count(&server).await?.since(before);
    let a_minute = |calls: u64| float(calls) * 60.0 / effort.rest.as_secs_f64();
    figure(results, ("writes_at_rest", "1/min"), a_minute(at_rest_calls.writes));
    figure(results, ("reads_at_rest", "1/min"), a_minute(at_rest_calls.reads));
    figure(results, ("lease_calls_at_rest", "1/min"), a_minute(at_rest_calls.leases));
    figure(results, ("rss_rest_mb", "MB"), resident(pid)?.now);

    let took = reactions(&server, effort.stores, effort.edits).await?;
    figure(results, ("reaction_p50_s", "s"), quantile(&took, 50).as_secs_f64());
    figure(results, ("reaction_p99_s", "s"), quantile(&took, 99).as_secs_f64());
    let peak = resident(pid)?.peak;

    // Another start, with everything there: the first lists are the largest.
    stop(&installed).await?;
    let before = calls::count(&server).await?;
    let installed = install().await?;
    let pid = process(&installed).await?;
    at_rest(&server).await?;
    let Calls { writes, reads, .. } = calls::count(&server).await?.since(before);
    figure(results, ("restart_calls_per_store", "1"), each(writes + reads));
    let again = resident(pid)?.peak;
    figure(results, ("rss_restart_mb", "MB"), again);
    figure(results, ("rss_mb", "MB"), peak.max(again));
    stop(&installed).await
}

/// The operator's process, which its shell is about to start.
async fn process(installed: &Installed) -> Result<u32, BenchError> {
    const TRIES: u32 = 50;
    for _ in 0..TRIES {
        if let Some(pid) = installed.process().await {
            return Ok(pid);
        }
        tokio::time::sleep(TICK / 10).await;
    }
    Err(failure("find the operator's process")("it does not start, or ended"))
}

async fn stop(installed: &Installed) -> Result<(), BenchError> {
    installed.dismiss().await.map_err(failure("stop the operator"))
}

/// Waits until the operator has asked nothing of the API server for a while.
async fn at_rest(server: &Server) -> Result<(), BenchError> {
    let mut calls = calls::count(server).await?;
    let mut since = Instant::now();
    while since.elapsed() < QUIET {
        pause(TICK).await?;
        let now = calls::count(server).await?;
        // Reads too, but for a watch that is taken up again: there are about ten, each every 200 seconds.
        if now.writes != calls.writes || now.reads > calls.reads + 2 {
            since = Instant::now();
        }
        calls = now;
    }
    Ok(())
}

async fn pause(length: Duration) -> Result<(), BenchError> {
    let end = Instant::now() + length;
    while Instant::now() < end {
        interrupt::check()?;
        tokio::time::sleep(TICK.min(end.saturating_duration_since(Instant::now()))).await;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
