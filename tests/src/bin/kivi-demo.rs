//! The demo's walk, after a cluster is up and its images are loaded: `make demo`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match kivi_tests::demo::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
