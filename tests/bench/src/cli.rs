//! The command line: which cases, how long.

mod sidecar;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    case::{self, Case, Effort},
    client::{Keys, Load, Pace, Wire},
    error::BenchError,
    interrupt, machine,
    report::{self, Results},
    subject::{self, Programs},
};

/// Measures Kivi beside its peers, on this machine and in one run.
#[derive(Debug, Parser)]
#[command(name = "kivi-bench", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The server beside nginx, Redis, etcd and a plain Go server. `make bench-server` calls it.
    Server(Server),
    /// The sidecar beside nginx, HAProxy and Varnish. `make bench-sidecar` calls it.
    Sidecar(sidecar::Sidecar),
    /// Load a server that runs already, to watch it by other means, a profiler for one.
    Load(ByHand),
    /// Answer requests without looking at them: the limit that servers are measured against.
    #[command(hide = true)]
    Respond {
        #[arg(long)]
        listen: SocketAddr,
    },
}

#[derive(Debug, clap::Args)]
struct Server {
    #[command(flatten)]
    programs: Programs,
    /// Rounds; each has a turn of every subject.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each load.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Only these cases.
    #[arg(long = "case", value_enum, num_args = 1..)]
    cases: Vec<Case>,
    /// A short look, with fewer keys, whose figures say little.
    #[arg(long)]
    quick: bool,
    /// Also draw requests a second against connections, and time to start against keys; beside the page.
    #[arg(long, requires = "page")]
    curves: bool,
    /// Where the figures are written.
    #[arg(long, value_name = "FILE", default_value = "target/bench/server.jsonl")]
    figures: PathBuf,
    /// Where the page and the curves are written; nowhere without it.
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ByHand {
    /// The server's address.
    #[arg(long)]
    target: SocketAddr,
    /// Connections, each with one request under way.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Write 256-byte values instead of reading them.
    #[arg(long)]
    put: bool,
    /// Write every key once, first.
    #[arg(long)]
    fill: bool,
}

impl Cli {
    /// Does what was asked for.
    pub fn run(self) -> Result<(), BenchError> {
        match self.command {
            Command::Server(server) => server.run(),
            Command::Sidecar(sidecar) => sidecar.run(),
            Command::Load(load) => load.run(),
            Command::Respond { listen } => {
                subject::respond(listen).map_err(BenchError::io("answer on", listen.to_string()))
            }
        }
    }
}

impl Server {
    fn run(self) -> Result<(), BenchError> {
        interrupt::listen()?;
        let scratch = &self.programs.scratch;
        std::fs::create_dir_all(scratch).map_err(BenchError::io("create", scratch))?;
        let load = machine::load_average();
        machine::settle()?;
        machine::allow_many_files()?;
        let effort = self.effort();
        let mut results = Results::default();
        let cases = if self.cases.is_empty() { Case::value_variants() } else { &self.cases };
        let mut failed = None;
        for case in cases {
            eprintln!("==> {}", case.name());
            match case.run(&self.programs, effort, &mut results) {
                Err(error @ BenchError::Interrupted) => return Err(error),
                // The other figures are worth having all the same.
                Err(error) => {
                    eprintln!("    {} was not measured: {error}", case.name());
                    failed = Some(error);
                }
                Ok(()) => {}
            }
        }
        results.write(&self.figures)?;
        report::print(&results, &report::SERVER);
        let conditions = format!(
            "Medians of {} rounds of {:?} each; the load average before the run was {load}.",
            effort.rounds, effort.length
        );
        println!("{}. {conditions}\nThe figures are in {}.", machine::describe(), self.figures.display());
        if let Some(folder) = &self.page {
            if self.curves {
                eprintln!("==> curves");
                case::draw_curves(&self.programs, effort, folder)?;
            }
            report::write_page(
                &folder.join("server.md"),
                &results,
                &conditions,
                &self.programs.versions(),
                self.curves,
            )?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn effort(&self) -> Effort {
        if self.quick {
            Effort { rounds: 1, length: Duration::from_millis(500), keys: 100_000 }
        } else {
            Effort { rounds: self.rounds, length: Duration::from_secs_f64(self.seconds), keys: 1_000_000 }
        }
    }
}

impl ByHand {
    fn run(self) -> Result<(), BenchError> {
        interrupt::listen()?;
        machine::settle()?;
        let (get, put) = subject::rest_requests(self.target);
        let load = |requests, connections, keys| {
            let (target, wire, pace) = (self.target, Wire::Http, Pace::Closed);
            Load { target, wire, trust: None, requests, connections, keys, pace, warm_up: subject::WARM_UP }
                .run()
        };
        if self.fill {
            load(&put, 256, Keys::EachOnce)?;
        }
        let requests = if self.put { &put } else { &get };
        let measured = load(requests, self.connections, Keys::Random(Duration::from_secs_f64(self.seconds)))?;
        let (median, slow) = (measured.quantile_ms(0.5), measured.quantile_ms(0.99));
        println!("{:.0} requests a second, p50 {median:.3} ms, p99 {slow:.3} ms", measured.rps);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
