//! A real single-node Kubernetes on this machine, for tests and the demo.

use std::process::ExitCode;

use clap::Parser;
use kivi_cluster::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kivi-cluster: {error}");
            ExitCode::FAILURE
        }
    }
}
