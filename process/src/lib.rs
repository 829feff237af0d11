//! What each Kivi process does at its start and its end.
//!
//! - [`config`] reads the one configuration file; [`exit`] turns errors into exit codes.
//! - [`telemetry`] starts logs and traces; [`admin`] changes the log level at run time.
//! - [`tls`] and [`tokens`] hold material that is replaced on disk without a restart.
//! - [`watch`] follows a file.
//! - [`listen`] binds, [`serve`] serves and drains, [`shutdown`] says when.
//! - [`health`] answers probes and scrapes.
//!
//! It must not know what a process is for: no store, no cache, no Kubernetes.

pub mod admin;
pub mod config;
pub mod exit;
pub mod health;
pub mod listen;
pub mod serve;
pub mod shutdown;
pub mod telemetry;
pub mod tls;
pub mod tokens;
pub mod watch;
