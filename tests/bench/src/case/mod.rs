//! The cases: who is measured at what, and which figures come of it.

mod compaction;
mod curves;
mod memory;
mod replay;
mod requests;
mod sidecar;
mod suite;

use std::path::Path;

use clap::ValueEnum;

pub(crate) use sidecar::SidecarCase;
pub(crate) use suite::Suite;

use crate::{
    error::BenchError,
    report::{Page, Results, SERVER_PAGE},
    subject::Programs,
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Reads of 256-byte values on 64 connections.
    #[value(name = "get-256")]
    Get256,
    /// Writes of 256-byte values on 64 connections, durable before the answer where a peer can.
    #[value(name = "put-256-fsync")]
    Put256Fsync,
    /// The same on one connection.
    #[value(name = "put-1conn-fsync")]
    Put1ConnFsync,
    /// A start on a log of a million records.
    #[value(name = "replay-1m")]
    Replay1M,
    /// What a key takes in memory.
    #[value(name = "memory-1m")]
    Memory1M,
    /// Latency while the log is compacted, beside latency at rest.
    Compaction,
}

/// How long it is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// Of one load.
    pub(crate) length: std::time::Duration,
    /// Keys of `replay-1m` and `memory-1m`, a million but for a quick look; for the sidecar, of all its loads.
    pub(crate) keys: usize,
}

impl Suite for Case {
    type Programs = Programs;

    const PAGE: Page = SERVER_PAGE;
    const FIGURES: &'static str = "target/bench/server.jsonl";
    const CURVES: &'static str =
        "Also draw requests a second against connections, and time to start against keys; beside the page";
    const KEYS: (usize, usize) = (1_000_000, 100_000);

    fn run(&self, programs: &Programs, effort: Effort, results: &mut Results) -> Result<(), BenchError> {
        match self {
            Self::Get256 => requests::get_256(programs, effort, results),
            Self::Put256Fsync => requests::put_256(programs, effort, results),
            Self::Put1ConnFsync => requests::put_1conn(programs, effort, results),
            Self::Replay1M => replay::run(programs, effort, results),
            Self::Memory1M => memory::run(programs, effort, results),
            Self::Compaction => compaction::run(programs, effort, results),
        }
    }

    fn draw_curves(programs: &Programs, effort: Effort, folder: &Path) -> Result<(), BenchError> {
        curves::draw(programs, effort, folder)
    }

    fn scratch(programs: &Programs) -> &Path {
        &programs.scratch
    }

    fn versions(programs: &Programs) -> String {
        format!("{}; a Go server of `tests/bench/peers`", programs.versions())
    }
}
