//! The operator of Kivi's key-value stores: parses the command line, starts telemetry, runs.

use std::io::Write as _;
use std::process::ExitCode;

use kivi_operator::cli::{Cli, Command, RunArgs};
use kivi_operator::run::run;
use kivi_process::telemetry::{self, LogFormat, TelemetryOptions};
use kivi_process::{exit, shutdown};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    match exit::parse_flags::<Cli>().map(|cli| cli.command) {
        Ok(Command::Crd) => print_definitions(),
        Ok(Command::Run(args)) => operate(*args),
        Ok(Command::Backup(args)) => {
            data(async move |shutdown| kivi_backup::cli::backup(&args, &shutdown).await)
        }
        Ok(Command::Archive(args)) => {
            data(async move |shutdown| kivi_backup::cli::archive(&args, &shutdown).await)
        }
        Ok(Command::Restore(args)) => {
            data(async move |shutdown| kivi_backup::cli::restore(&args, &shutdown).await)
        }
        Err(code) => code,
    }
}

fn print_definitions() -> ExitCode {
    match kivi_crds::crd_yaml(&kivi_crds::definitions()) {
        Ok(yaml) => match std::io::stdout().write_all(yaml.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::failure(&error),
        },
        Err(error) => exit::failure(&error),
    }
}

/// Does something with the data of one store, and prints what came of it.
fn data(work: impl AsyncFnOnce(CancellationToken) -> Result<String, kivi_backup::Error>) -> ExitCode {
    let options =
        TelemetryOptions { service: "kivi-backup", format: LogFormat::default(), level: "info".to_owned() };
    match until_told(&options, work) {
        Ok(Ok(report)) => match writeln!(std::io::stdout(), "{report}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::failure(&error),
        },
        Ok(Err(error)) => exit::failure(&error),
        Err(code) => code,
    }
}

fn operate(args: RunArgs) -> ExitCode {
    let options =
        TelemetryOptions { service: "kivi-operator", format: args.log_format, level: args.log_level.clone() };
    match until_told(&options, async move |shutdown| run(args, shutdown).await) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) if error.is_usage() => exit::usage(&error),
        Ok(Err(error)) => exit::failure(&error),
        Err(code) => code,
    }
}

/// Runs the work, with telemetry, until it ends or a signal says so.
fn until_told<T>(
    options: &TelemetryOptions,
    work: impl AsyncFnOnce(CancellationToken) -> T,
) -> Result<T, ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| exit::failure(&error))?;
    let telemetry =
        runtime.block_on(async { telemetry::init(options) }).map_err(|error| exit::usage(&error))?;
    let outcome = runtime.block_on(async {
        let shutdown = shutdown::on_signal().map_err(|error| exit::failure(&error))?;
        Ok(work(shutdown).await)
    });
    telemetry.shutdown();
    outcome
}
