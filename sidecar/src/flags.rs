//! The command line. Every flag can also be given as the environment variable `KIVI_<FLAG>`.

use std::{path::PathBuf, str::FromStr};

use kivi_process::{listen::Address, telemetry::LogFormat};
use kivi_settings::DurationString;
use thiserror::Error;

use crate::upstream::{Target, Transport};

/// Kivi's sidecar: TLS, authentication, throttling and stampede-safe caching in front of an HTTP server.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "kivi-sidecar", version)]
pub struct Flags {
    /// Configuration file (YAML): the sections `limits`, `auth` and `sidecar` of a KeyValueStore's spec.
    /// Without it every field has its default.
    #[arg(long, env = "KIVI_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where clients connect: `IP:PORT` or `unix:/path`.
    #[arg(long, env = "KIVI_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    pub listen: Address,
    /// The server behind: `unix:/path` or a URL as in `http://127.0.0.1:8080`.
    #[arg(long, env = "KIVI_UPSTREAM", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub upstream: Target,
    /// Directory with `tls.crt` and `tls.key`; with it, clients speak TLS. Followed while running.
    #[arg(long, env = "KIVI_TLS_DIR", value_name = "DIR")]
    pub tls_dir: Option<PathBuf>,
    /// Directory whose every file holds a valid bearer token. Followed while running.
    #[arg(long, env = "KIVI_TOKENS_DIR", value_name = "DIR")]
    pub tokens_dir: Option<PathBuf>,
    /// Where probes and metrics are answered.
    #[arg(long, env = "KIVI_HEALTH_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8091")]
    pub health_listen: Address,
    /// Where operations are answered; loopback only.
    #[arg(long, env = "KIVI_ADMIN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8092")]
    pub admin_listen: Address,
    /// URL of the server's own readiness; empty: a server that accepts connections is ready.
    #[arg(
        long,
        env = "KIVI_UPSTREAM_READY",
        value_name = "URL",
        default_value = "http://127.0.0.1:8081/readyz"
    )]
    pub upstream_ready: ReadySource,
    /// Whether the cache follows the server's changes, so that it knows of writes that did not pass here. `auto`: where
    /// the upstream is a Unix socket with a Kivi server behind it.
    #[arg(long, env = "KIVI_CHANGE_FEED", value_enum, default_value_t)]
    pub change_feed: ChangeFeed,
    /// How long requests in flight may take after SIGTERM.
    #[arg(long, env = "KIVI_SHUTDOWN_GRACE", value_name = "DURATION", default_value = "25s")]
    pub shutdown_grace: DurationString,
    /// How log lines look.
    #[arg(long, env = "KIVI_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Which log lines are written: a level, or directives as in `info,kivi_layers=debug`.
    #[arg(long, env = "KIVI_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub log_level: String,
}

/// Whether the cache follows the server's changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ChangeFeed {
    /// From a Kivi server behind a Unix socket.
    #[default]
    Auto,
    /// Always: while the changes are not heard of, nothing that is kept is served.
    On,
    /// Never: an answer is kept for as long as it is fresh.
    Off,
}

/// How the sidecar learns whether the server is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadySource {
    /// By asking it.
    Url(Target),
    /// By connecting to it.
    Connect,
}

/// Why a text is no source of readiness.
#[derive(Debug, Error)]
#[error("`{text}` is not a URL as in `http://127.0.0.1:8081/readyz`; leave it empty to only connect")]
pub struct ReadySourceError {
    text: String,
}

impl FromStr for ReadySource {
    type Err = ReadySourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::Connect);
        }
        match text.parse() {
            Ok(target @ Target { transport: Transport::Tcp(..), .. }) => Ok(Self::Url(target)),
            _ => Err(ReadySourceError { text: text.to_owned() }),
        }
    }
}
