//! Kivi's sidecar: parses, initialises, runs.

use std::process::ExitCode;

use kivi_process::{
    exit,
    serve::Drained,
    shutdown,
    telemetry::{self, TelemetryOptions},
};
use kivi_sidecar::{Config, Flags, Sidecar, run::StartError};
use mimalloc::MiMalloc;

/// A request makes and drops some thirty small things while many others are under way, which glibc's allocator is slow at.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let flags: Flags = match exit::parse_flags() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let telemetry = TelemetryOptions {
        service: "kivi-sidecar",
        format: flags.log_format,
        level: flags.log_level.clone(),
    };
    let mut config = match Config::resolve(flags) {
        Ok(config) => config,
        Err(error) => return exit::usage(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::failure(&error),
    };
    let _context = runtime.enter();
    let telemetry = match telemetry::init(&telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return exit::usage(&error),
    };
    config.traced = telemetry.is_traced();
    let outcome = runtime.block_on(async {
        let shutdown = shutdown::on_signal()?;
        let sidecar = Sidecar::bind(config).await?;
        Ok::<_, StartError>(sidecar.serve(telemetry.levels(), shutdown).await)
    });
    telemetry.shutdown();
    match outcome {
        Ok(Drained::Graceful) => ExitCode::SUCCESS,
        Ok(Drained::DeadlineExceeded { .. }) => ExitCode::FAILURE,
        Err(error) => exit::failure(&error),
    }
}
