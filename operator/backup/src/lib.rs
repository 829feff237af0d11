//! Backups of a store, and what is made of them again. It knows a store by its REST API and a log by its directory; of
//! Kubernetes it knows nothing.
//!
//! - [`cli`]: the subcommands of `kivi-operator` that a Job or an init container runs.
//! - [`destination`]: where backups go, as a URL; [`place`]: the objects there, in a folder or in a bucket.
//! - [`layout`], [`manifest`], [`history`], [`retention`], [`chain`]: what lies there under which name, and what follows from
//!   it. Pure.
//! - `take`, `archive`, `restore`: what is done.
//!
//! What is half written is never listed: data is written first and told of last, in one small object.

pub mod archive;
pub mod chain;
pub mod claim;
pub mod cli;
pub mod destination;
mod enlist;
mod entry;
mod error;
pub mod history;
mod inspected;
mod later;
pub mod layout;
pub mod manifest;
mod name;
pub mod place;
pub mod prune;
mod report;
pub mod restore;
pub mod retention;
pub mod server;
pub mod take;
mod transfer;

pub use error::Error;
pub use name::{BackupName, NoBackupName};
