//! Everything the sidecar needs to know, read and checked before a port is bound.

use std::{path::PathBuf, sync::Arc, time::Duration};

use kivi_process::{
    admin::{self, NotLoopback},
    config,
    listen::Address,
    tls::{Certificates, TlsError},
    tokens::{Tokens, TokensError},
};
use kivi_settings::{Anonymous, Settings};
use thiserror::Error;

use crate::{
    flags::{ChangeFeed, Flags, ReadySource},
    upstream::Target,
};

/// What a sidecar runs with.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the configuration file said at the start.
    pub settings: Settings,
    /// The configuration file, which is followed.
    pub file: Option<PathBuf>,
    /// Where clients connect.
    pub listen: Address,
    /// Where probes and metrics are answered.
    pub health_listen: Address,
    /// Where operations are answered.
    pub admin_listen: Address,
    /// The server behind.
    pub upstream: Target,
    /// How the server's readiness is learned.
    pub upstream_ready: ReadySource,
    /// Whether its changes are followed.
    pub change_feed: ChangeFeed,
    /// What clients are served with; none: in the clear.
    pub tls: Option<Tls>,
    /// The valid bearer tokens.
    pub tokens: Arc<Tokens>,
    /// How long requests in flight may take at the end.
    pub grace: Duration,
    /// Whether spans of requests are exported.
    pub traced: bool,
}

/// The serving certificate.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Where it lies.
    pub dir: PathBuf,
    /// The pair in use.
    pub certificates: Arc<Certificates>,
}

/// Why a sidecar cannot run as it was told to; each names the flag or the field.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file.
    #[error("--config: {0}")]
    File(#[from] config::ConfigError),
    /// The certificate.
    #[error("--tls-dir: {0}")]
    Tls(#[from] TlsError),
    /// The tokens.
    #[error("--tokens-dir: {0}")]
    Tokens(#[from] TokensError),
    /// Nobody could get in.
    #[error(
        "auth.anonymous: None lets nobody in without --tokens-dir: give a directory of bearer tokens, or set auth.anonymous to Read or ReadWrite"
    )]
    NobodyGetsIn,
    /// The admin port.
    #[error(transparent)]
    Admin(#[from] NotLoopback),
}

impl Config {
    /// Reads and checks what the flags name.
    pub fn resolve(flags: Flags) -> Result<Self, ConfigError> {
        let settings = config::load(flags.config.as_deref())?;
        admin::require_loopback(&flags.admin_listen)?;
        let tokens = match &flags.tokens_dir {
            Some(dir) => Tokens::load(dir)?,
            None if settings.auth.anonymous == Anonymous::None => return Err(ConfigError::NobodyGetsIn),
            None => Tokens::none(),
        };
        let tls = match flags.tls_dir {
            Some(dir) => Some(Tls { certificates: Certificates::load(&dir)?, dir }),
            None => None,
        };
        Ok(Self {
            settings,
            file: flags.config,
            listen: flags.listen,
            health_listen: flags.health_listen,
            admin_listen: flags.admin_listen,
            upstream: flags.upstream,
            upstream_ready: flags.upstream_ready,
            change_feed: flags.change_feed,
            tls,
            tokens,
            grace: flags.shutdown_grace.get(),
            traced: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn refusal(flags: &[&str]) -> String {
        let flags = Flags::try_parse_from(std::iter::once(&"kivi-sidecar").chain(flags));
        match flags {
            Err(error) => error.to_string(),
            Ok(flags) => Config::resolve(flags).unwrap_err().to_string(),
        }
    }

    #[test]
    fn each_refusal_names_its_flag_or_field() {
        for (flags, expected) in [
            (&["--listen", "localhost:80"][..], "--listen"),
            (&["--upstream", "https://a"], "--upstream"),
            (&["--upstream-ready", "unix:/run/a.sock"], "--upstream-ready"),
            (&["--shutdown-grace", "soon"], "--shutdown-grace"),
            (&["--admin-listen", "0.0.0.0:1"], "--admin-listen 0.0.0.0:1"),
            (&["--config", "/nowhere/kivi.yaml"], "--config: cannot read"),
            (&["--tokens-dir", "/nowhere"], "--tokens-dir: cannot read"),
            (&[], "auth.anonymous: None lets nobody in without --tokens-dir"),
        ] {
            let message = refusal(flags);
            assert!(message.contains(expected), "{flags:?}: {message}");
        }
    }

    #[test]
    fn an_open_store_needs_no_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kivi.yaml");
        std::fs::write(&file, "auth: {anonymous: ReadWrite}").unwrap();
        let flags = ["kivi-sidecar", "--upstream-ready", "", "--config", file.to_str().unwrap()];
        let config = Config::resolve(Flags::try_parse_from(flags).unwrap()).unwrap();
        assert_eq!(config.upstream_ready, ReadySource::Connect);
        assert_eq!(config.grace, Duration::from_secs(25));
    }
}
