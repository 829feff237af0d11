//! The command line. Each flag has the environment variable `KIVI_<FLAG>`.

use std::path::PathBuf;

use clap::Parser;
use kivi_process::listen::Address;
use kivi_process::telemetry::LogFormat;
use kivi_settings::DurationString;

use crate::tools::Command;

/// Kivi's key-value server: a store over one transaction log, served over HTTP.
#[derive(Debug, Clone, Parser)]
#[command(name = "kivi-server", version)]
pub struct Flags {
    /// Configuration file (YAML): the sections `log`, `limits` and `auth` of a KeyValueStore's spec.
    #[arg(long, value_name = "FILE", env = "KIVI_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where clients are served: an IP and port, or `unix:/path`.
    #[arg(long, value_name = "ADDRESS", env = "KIVI_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: Address,
    /// Directory with tls.crt and tls.key; clients are then served over TLS, with HTTP/2.
    #[arg(long, value_name = "DIR", env = "KIVI_TLS_DIR")]
    pub tls_dir: Option<PathBuf>,
    /// Directory of bearer tokens; the content of each file is a valid one.
    #[arg(long, value_name = "DIR", env = "KIVI_TOKENS_DIR")]
    pub tokens_dir: Option<PathBuf>,
    /// Directory of the transaction log; it is made when it is missing.
    #[arg(long, value_name = "DIR", env = "KIVI_DATA_DIR", default_value = "./kivi-data", global = true)]
    pub data_dir: PathBuf,
    /// Where probes and metrics are served, in plain HTTP.
    #[arg(long, value_name = "ADDRESS", env = "KIVI_HEALTH_LISTEN", default_value = "127.0.0.1:8081")]
    pub health_listen: Address,
    /// Where operations are served; must be loopback.
    #[arg(long, value_name = "ADDRESS", env = "KIVI_ADMIN_LISTEN", default_value = "127.0.0.1:8082")]
    pub admin_listen: Address,
    /// How long requests in flight may take after SIGTERM.
    #[arg(long, value_name = "DURATION", env = "KIVI_SHUTDOWN_GRACE", default_value = "25s")]
    pub shutdown_grace: DurationString,
    /// How log lines look.
    #[arg(long, value_enum, env = "KIVI_LOG_FORMAT", default_value_t)]
    pub log_format: LogFormat,
    /// Which log lines are written: a level, or directives such as `info,kivi_store=debug`.
    #[arg(long, value_name = "LEVEL", env = "KIVI_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}
