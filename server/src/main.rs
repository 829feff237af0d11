//! `kivi-server`: parses its flags, then starts telemetry and serves until SIGTERM, or does what a subcommand says.

use std::process::ExitCode;
use std::time::Duration;

use kivi_process::telemetry::{self, TelemetryOptions};
use kivi_process::{exit, shutdown};
use kivi_server::{Config, Flags, RunError, run, tools};

/// How long work that cannot be cancelled may hold up the end of the process.
const LINGER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let flags: Flags = match exit::parse_flags() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    if let Some(command) = &flags.command {
        return match tools::run(command, &flags.data_dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::failure(&error),
        };
    }
    let mut config = match Config::from_flags(&flags) {
        Ok(config) => config,
        Err(error) => return exit::usage(&error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return exit::failure(&error),
    };
    let options =
        TelemetryOptions { service: "kivi-server", format: flags.log_format, level: flags.log_level.clone() };
    // The exporter is started, and stopped, beside the runtime's threads but with the runtime running.
    let started = {
        let _context = runtime.enter();
        telemetry::init(&options)
    };
    let telemetry = match started {
        Ok(telemetry) => telemetry,
        Err(error) => return exit::usage(&error),
    };
    config.log_levels = Some(telemetry.levels());
    config.traced = telemetry.is_traced();
    let ended = runtime.block_on(async {
        let shutdown = shutdown::on_signal().map_err(RunError::Signals)?;
        run(config, shutdown).await
    });
    telemetry.shutdown();
    runtime.shutdown_timeout(LINGER);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::failure(&error),
    }
}
