//! `kubectl kivi`: parses, runs, and says in one sentence what went wrong.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use kubectl_kivi::{Arguments, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let result = run(Arguments::parse(), &mut out).await;
    match result.and_then(|()| out.flush().map_err(Into::into)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
