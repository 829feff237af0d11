//! Writes what is generated from other files of the project, or with `--check` says what is stale:
//! the resource definitions in `crds/` and in the chart (from their types), the table of values in the chart's README (from its
//! `values.yaml`), and the API's OpenAPI document (from the wire types). Reads and writes the checkout only.

mod artefacts;
mod values;

use std::{path::Path, process::ExitCode};

use clap::Parser;

/// Writes the generated files of the project.
#[derive(Parser)]
struct Arguments {
    /// Writes nothing; fails and names each file that is not what would be written.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match artefacts::stale(&root).and_then(|stale| settle(&root, &stale, arguments.check)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn settle(
    root: &Path,
    stale: &[artefacts::Artefact],
    check: bool,
) -> Result<ExitCode, artefacts::GenerateError> {
    for artefact in stale {
        if check {
            eprintln!("{} is stale: run `cargo run -p kivi-tests --bin generate`.", artefact.path);
        } else {
            artefact.write(root)?;
            println!("{} written.", artefact.path);
        }
    }
    Ok(if check && !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_committed_is_stale() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let stale: Vec<String> =
            artefacts::stale(&root).unwrap().into_iter().map(|artefact| artefact.path).collect();
        assert!(stale.is_empty(), "run `cargo run -p kivi-tests --bin generate`: {stale:?}");
    }
}
