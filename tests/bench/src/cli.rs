//! The command line: which cases, how long.

mod measure;
#[cfg(feature = "operator")]
mod operator;

use std::{net::SocketAddr, time::Duration};

use clap::{Parser, Subcommand};

use self::measure::Measure;
use crate::{
    case::{Case, SidecarCase},
    client::{Keys, Load, Pace, Wire},
    error::BenchError,
    interrupt, machine, subject,
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
    Server(Measure<Case>),
    /// The sidecar beside nginx, HAProxy and Varnish. `make bench-sidecar` calls it.
    Sidecar(Measure<SidecarCase>),
    /// The operator on a cluster that is up, with KIVI_OPERATOR as the program that is measured. `make bench-operator`
    /// calls it.
    #[cfg(feature = "operator")]
    Operator(operator::Measure),
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
            #[cfg(feature = "operator")]
            Command::Operator(operator) => operator.run(),
            Command::Load(load) => load.run(),
            Command::Respond { listen } => {
                subject::respond(listen).map_err(BenchError::io("answer on", listen.to_string()))
            }
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
