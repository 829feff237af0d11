//! Bearer tokens from a directory, replaced on disk without a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::watch;

type Fingerprint = [u8; 32];

/// The bearer tokens that are valid now. Only their SHA-256 digests are held.
#[derive(Debug)]
pub struct Tokens {
    dir: Option<PathBuf>,
    valid: ArcSwap<Vec<Fingerprint>>,
}

/// Why tokens cannot be read.
#[derive(Debug, Error)]
pub enum TokensError {
    /// The directory cannot be read.
    #[error("cannot read the bearer tokens in {}: {source}", dir.display())]
    Read {
        /// Which directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory holds no token.
    #[error("no bearer token in {}: put at least one non-empty file there", dir.display())]
    Empty {
        /// Which directory.
        dir: PathBuf,
    },
}

impl Tokens {
    /// Reads every regular file of `dir`; its content less surrounding white space is a valid token.
    ///
    /// # Errors
    /// When the directory cannot be read or holds no token.
    pub fn load(dir: &Path) -> Result<Arc<Self>, TokensError> {
        let valid = read(dir)?;
        Ok(Arc::new(Self { dir: Some(dir.to_owned()), valid: ArcSwap::from_pointee(valid) }))
    }

    /// No token is valid.
    pub fn none() -> Arc<Self> {
        Arc::new(Self { dir: None, valid: ArcSwap::from_pointee(Vec::new()) })
    }

    /// Whether `token` is valid now. Takes the same time for every wrong token.
    pub fn accepts(&self, token: &[u8]) -> bool {
        let digest: Fingerprint = Sha256::digest(token).into();
        self.valid.load().iter().fold(false, |found, valid| found | bool::from(valid.ct_eq(&digest)))
    }

    /// Follows the directory until `shutdown`. A bad read keeps the tokens of the last good one.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        let Some(dir) = self.dir.as_deref() else {
            return;
        };
        watch::watch(dir, shutdown, || match read(dir) {
            Ok(valid) => {
                tracing::info!(tokens = valid.len(), "Bearer tokens were replaced.");
                self.valid.store(Arc::new(valid));
            }
            Err(error) => tracing::warn!(%error, "The old bearer tokens stay in use."),
        })
        .await;
    }
}

fn read(dir: &Path) -> Result<Vec<Fingerprint>, TokensError> {
    let files = watch::read(dir).map_err(|source| TokensError::Read { dir: dir.to_owned(), source })?;
    let valid: Vec<Fingerprint> = files
        .values()
        .map(|content| content.trim_ascii())
        .filter(|token| !token.is_empty())
        .map(|token| Sha256::digest(token).into())
        .collect();
    if valid.is_empty() { Err(TokensError::Empty { dir: dir.to_owned() }) } else { Ok(valid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_tokens_are_valid_at_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("old"), "alpha\n").unwrap();
        std::fs::write(dir.path().join("new"), "beta").unwrap();
        std::fs::write(dir.path().join(".hidden"), "gamma").unwrap();
        let tokens = Tokens::load(dir.path()).unwrap();
        assert!(tokens.accepts(b"alpha") && tokens.accepts(b"beta"));
        assert!(!tokens.accepts(b"gamma") && !tokens.accepts(b"") && !tokens.accepts(b"alph"));
    }

    #[test]
    fn an_empty_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), " \n").unwrap();
        assert!(matches!(Tokens::load(dir.path()), Err(TokensError::Empty { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_is_followed_and_a_bad_read_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "old").unwrap();
        let (tokens, shutdown) = (Tokens::load(dir.path()).unwrap(), CancellationToken::new());
        let watcher = tokio::spawn(Arc::clone(&tokens).watch(shutdown.clone()));
        tokio::time::sleep(watch::INTERVAL * 2).await;

        std::fs::write(&file, "new").unwrap();
        tokio::time::sleep(watch::INTERVAL * 2).await;
        assert!(tokens.accepts(b"new") && !tokens.accepts(b"old"));

        std::fs::write(&file, "").unwrap();
        tokio::time::sleep(watch::INTERVAL * 2).await;
        assert!(tokens.accepts(b"new"));

        shutdown.cancel();
        watcher.await.unwrap();
    }
}
