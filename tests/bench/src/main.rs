//! `kivi-bench`: measures, prints a table, writes the figures.

use std::process::ExitCode;

use clap::Parser;
use kivi_bench::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kivi-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
