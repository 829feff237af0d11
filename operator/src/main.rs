//! The operator of Kivi's key-value stores: parses the command line, starts telemetry, runs.

use std::io::Write as _;
use std::process::ExitCode;

use kivi_operator::cli::{Cli, Command, RunArgs};
use kivi_operator::run::{RunError, run};
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
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::failure(&error),
    };
    let (format, level) = (LogFormat::default(), "info".to_owned());
    let options = TelemetryOptions { service: "kivi-backup", format, level };
    let telemetry = match runtime.block_on(async { telemetry::init(&options) }) {
        Ok(telemetry) => telemetry,
        Err(error) => return exit::usage(&error),
    };
    let outcome = runtime.block_on(async {
        let shutdown = shutdown::on_signal().map_err(Box::<dyn std::error::Error>::from)?;
        work(shutdown).await.map_err(Box::<dyn std::error::Error>::from)
    });
    telemetry.shutdown();
    match outcome {
        Ok(report) => match writeln!(std::io::stdout(), "{report}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::failure(&error),
        },
        Err(error) => exit::failure(error.as_ref()),
    }
}

fn operate(args: RunArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::failure(&error),
    };
    let options =
        TelemetryOptions { service: "kivi-operator", format: args.log_format, level: args.log_level.clone() };
    let telemetry = match runtime.block_on(async { telemetry::init(&options) }) {
        Ok(telemetry) => telemetry,
        Err(error) => return exit::usage(&error),
    };
    let outcome = runtime.block_on(async {
        let shutdown = shutdown::on_signal().map_err(Box::<dyn std::error::Error>::from)?;
        run(args, shutdown).await.map_err(Box::<dyn std::error::Error>::from)
    });
    telemetry.shutdown();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.downcast_ref::<RunError>().is_some_and(RunError::is_usage) => {
            exit::usage(error.as_ref())
        }
        Err(error) => exit::failure(error.as_ref()),
    }
}
