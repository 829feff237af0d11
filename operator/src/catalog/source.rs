//! Where the catalog comes from (IO): the command line, and a file that is followed.

use std::io;
use std::path::{Path, PathBuf};

use kivi_process::watch;
use thiserror::Error;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

use super::{Catalog, CatalogError};
use crate::cli::RunArgs;

/// Why there is no catalog; each names the file.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("--catalog: cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be used.
    #[error("--catalog: {}: {source}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Which entry, and why.
        source: CatalogError,
    },
}

/// Keeps the catalog as its file says.
#[derive(Debug)]
pub struct Source {
    own: Catalog,
    file: Option<PathBuf>,
    sender: Sender<Catalog>,
}

/// Reads the catalog, whole.
///
/// # Errors
/// When its file cannot be read or used.
pub fn load(args: &RunArgs) -> Result<(Source, Receiver<Catalog>), SourceError> {
    let own = Catalog::own(args);
    let catalog = match &args.catalog {
        Some(path) => read(&own, path, std::fs::read_to_string(path))?,
        None => own.clone(),
    };
    let (sender, receiver) = channel(catalog);
    Ok((Source { own, file: args.catalog.clone(), sender }, receiver))
}

impl Source {
    /// Follows the file, if there is one, until `shutdown`. One that cannot be used changes nothing.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { own, file, sender } = self;
        let Some(file) = file else {
            return;
        };
        watch::follow(&file, shutdown, |text| match read(&own, &file, text) {
            Ok(catalog) => replace(&sender, catalog),
            Err(error) => tracing::warn!(%error, "The catalog was refused, and the old one stays in force."),
        })
        .await;
    }
}

fn read(own: &Catalog, path: &Path, text: io::Result<String>) -> Result<Catalog, SourceError> {
    let text = text.map_err(|source| SourceError::Read { path: path.to_owned(), source })?;
    own.with(&text).map_err(|source| SourceError::Unusable { path: path.to_owned(), source })
}

fn replace(sender: &Sender<Catalog>, catalog: Catalog) {
    let replaced = sender.send_if_modified(|old| {
        let differs = *old != catalog;
        if differs {
            *old = catalog;
        }
        differs
    });
    if replaced {
        tracing::info!(versions = sender.borrow().versions(), "The catalog was replaced.");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn args(file: &Path) -> RunArgs {
        match Cli::parse_from(["op", "run", "--catalog", file.to_str().unwrap()]).command {
            Command::Run(args) => *args,
            _ => panic!("run was asked for"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_followed_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("catalog.yaml");
        let error = load(&args(&file)).err().unwrap().to_string();
        assert!(error.starts_with("--catalog: cannot read "), "{error}");
        fs::write(&file, "{newest: {server: a, sidecar: b}}").unwrap();
        let error = load(&args(&file)).err().unwrap().to_string();
        assert!(error.contains("catalog.yaml: newest: no version"), "{error}");

        fs::write(&file, "{7.0.0: {server: a, sidecar: b}}").unwrap();
        let (source, mut catalog) = load(&args(&file)).unwrap();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(source.run(shutdown.clone()));
        let settle = || tokio::time::sleep(Duration::from_secs(10));
        settle().await;
        assert!(!catalog.has_changed().unwrap(), "it says what it said");
        fs::write(&file, "{7.0.0: {server: a, sidecar: b}, 8.0.0: {server: c, sidecar: d}}").unwrap();
        settle().await;
        assert!(catalog.has_changed().unwrap());
        assert!(catalog.borrow_and_update().release("8.0.0").is_some());
        fs::write(&file, "{").unwrap();
        settle().await;
        assert!(catalog.borrow().release("8.0.0").is_some() && !catalog.has_changed().unwrap());
        shutdown.cancel();
        running.await.unwrap();
    }
}
