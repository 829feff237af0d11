//! What the server was told, read whole and checked before a port is bound or a file is opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kivi_process::admin::{self, NotLoopback};
use kivi_process::config::ConfigError;
use kivi_process::listen::Address;
use kivi_process::telemetry::LogLevels;
use kivi_process::tls::{Certificates, TlsError};
use kivi_process::tokens::{Tokens, TokensError};
use kivi_settings::{Anonymous, FileLogSettings, LimitsSettings, Settings, SettingsError};
use kivi_store::{FileLogOptions, StoreLimits, Sync};
use thiserror::Error;

use crate::access::Access;
use crate::flags::Flags;
use crate::routes::Limits;

/// Room for the fields by which a proxy tells who asked: addresses, host, trace; in bytes.
const PROXY_FIELDS: usize = 4 << 10;

/// A flag or field that cannot be used.
#[derive(Debug, Error)]
pub enum UsageError {
    /// The configuration file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A section of it.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The admin port would be open to others.
    #[error(transparent)]
    Admin(#[from] NotLoopback),
    /// The certificate.
    #[error("--tls-dir: {0}")]
    Tls(#[from] TlsError),
    /// The tokens.
    #[error("--tokens-dir: {0}")]
    Tokens(#[from] TokensError),
    /// Nobody could use the server.
    #[error(
        "--listen {listen}: others can reach this address, and nobody has a token; give --tokens-dir, listen on loopback, or open the store with `auth: {{anonymous: ReadWrite}}` in --config"
    )]
    NobodyMayUse {
        /// Where it was to listen.
        listen: Address,
    },
}

/// Everything a server needs to run.
#[derive(Clone)]
pub struct Config {
    pub(crate) listen: Address,
    pub(crate) health_listen: Address,
    pub(crate) admin_listen: Address,
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    pub(crate) store_limits: StoreLimits,
    pub(crate) request_window: Duration,
    pub(crate) connections: usize,
    pub(crate) request_head_bytes: usize,
    pub(crate) data_dir: PathBuf,
    pub(crate) log: FileLogOptions,
    pub(crate) compact_at_garbage: u8,
    pub(crate) grace: Duration,
    /// What was written, for what is told of it at the start.
    pub(crate) limit_settings: LimitsSettings,
    /// What the admin port changes; without it that port knows no operation.
    pub log_levels: Option<LogLevels>,
    /// Whether spans of requests are exported.
    pub traced: bool,
}

impl Config {
    /// Reads the configuration file, the certificate and the tokens that the flags name.
    ///
    /// # Errors
    /// Names the flag or field that cannot be used.
    pub fn from_flags(flags: &Flags) -> Result<Self, UsageError> {
        let settings = kivi_process::config::load(flags.config.as_deref())?;
        admin::require_loopback(&flags.admin_listen)?;
        let certificates = flags.tls_dir.as_deref().map(Certificates::load).transpose()?;
        Ok(Self {
            listen: flags.listen.clone(),
            health_listen: flags.health_listen.clone(),
            admin_listen: flags.admin_listen.clone(),
            certificates,
            access: access(flags, &settings)?,
            limits: Limits {
                key_bytes: settings.limits.key_len(),
                value_bytes: settings.limits.value_bytes.as_len(),
                request_bytes: settings.limits.request_bytes.as_len(),
                operations: settings.limits.most_operations(),
                watchers: settings.limits.most_watchers(),
                behind_sidecar: matches!(flags.listen, Address::Unix(_)),
            },
            store_limits: StoreLimits {
                memory_bytes: settings.limits.memory.bytes(),
                keys: settings.limits.most_keys(),
            },
            request_window: settings.limits.idempotency_window.get(),
            connections: settings.limits.most_connections(),
            request_head_bytes: head_bytes(flags, &settings),
            data_dir: flags.data_dir.clone(),
            log: log_options(settings.log.file()?),
            compact_at_garbage: u8::try_from(settings.log.file()?.compact_at_garbage).unwrap_or(u8::MAX),
            grace: flags.shutdown_grace.get(),
            limit_settings: settings.limits,
            log_levels: None,
            traced: false,
        })
    }
}

fn access(flags: &Flags, settings: &Settings) -> Result<Access, UsageError> {
    let anonymous = settings.auth.anonymous;
    match &flags.tokens_dir {
        Some(dir) => Ok(Access::by_tokens(Tokens::load(dir)?, anonymous)),
        None if flags.listen.is_loopback() => Ok(Access::open()),
        None if anonymous == Anonymous::None => {
            Err(UsageError::NobodyMayUse { listen: flags.listen.clone() })
        }
        None => Ok(Access::by_tokens(Tokens::none(), anonymous)),
    }
}

/// Who listens on a socket has a proxy in front, which held the client's head to the limit; what the proxy adds to it
/// must not make it too large.
fn head_bytes(flags: &Flags, settings: &Settings) -> usize {
    let limit = settings.limits.request_head_bytes.as_len();
    match flags.listen {
        Address::Unix(_) => limit + PROXY_FIELDS,
        Address::Tcp(_) => limit,
    }
}

fn log_options(log: &FileLogSettings) -> FileLogOptions {
    use kivi_settings::SyncPolicy;
    FileLogOptions {
        segment_bytes: log.segment_size.bytes(),
        sync: match log.sync {
            SyncPolicy::Always => Sync::Always,
            SyncPolicy::Interval => Sync::Interval(log.sync_interval.get()),
            SyncPolicy::Never => Sync::Never,
        },
        on_sync: None,
        on_step: None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn refusal(dir: &std::path::Path, config: &str, flags: &[&str]) -> Option<String> {
        let file = dir.join("kivi.yaml");
        std::fs::write(&file, config).unwrap();
        let arguments = ["kivi-server", "--config", file.to_str().unwrap()];
        let flags = Flags::try_parse_from(arguments.iter().chain(flags)).unwrap();
        Config::from_flags(&flags).err().map(|error| error.to_string())
    }

    #[test]
    fn the_empty_configuration_serves_this_machine_without_tokens() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(refusal(dir.path(), "", &[]), None);
        assert_eq!(refusal(dir.path(), "", &["--listen", "unix:/run/kivi/server.sock"]), None);
    }

    #[test]
    fn what_is_open_to_others_needs_tokens_or_an_open_door() {
        let dir = tempfile::tempdir().unwrap();
        let open = ["--listen", "0.0.0.0:8080"];
        let refused = refusal(dir.path(), "", &open).unwrap();
        assert!(refused.starts_with("--listen 0.0.0.0:8080: others can reach"), "{refused}");
        assert!(refused.contains("--tokens-dir") && refused.contains("anonymous: ReadWrite"), "{refused}");
        assert_eq!(refusal(dir.path(), "auth: {anonymous: Read}", &open), None);
    }

    #[test]
    fn each_refusal_names_its_flag_or_field() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        let empty = empty.to_str().unwrap();
        for (config, flags, expected) in [
            ("limits: {memory: 1Mi}", &[][..], "limits.memory: 1Mi"),
            ("log: {}", &[], "log: name one kind of log"),
            ("", &["--admin-listen", "0.0.0.0:8082"], "--admin-listen 0.0.0.0:8082"),
            ("", &["--tls-dir", empty], "--tls-dir: cannot read"),
            ("", &["--tokens-dir", empty], "--tokens-dir: no bearer token"),
        ] {
            let refused = refusal(dir.path(), config, flags).unwrap();
            assert!(refused.contains(expected), "{expected}: {refused}");
        }
    }
}
