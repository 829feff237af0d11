//! kubectl plugin for Kivi's key-value stores: `kubectl kivi list`, `status`, `restart`, `backup`, `restore`, `endpoint`,
//! `get`, `put`, `delete`.
//!
//! Inputs: the command line, a kubeconfig and the API server. It sees what its user's own rights let it
//! see, keeps nothing, and never prints a token. Values travel through a port-forward to a ready pod, with
//! the store's own certificate authority verified.

mod arguments;
mod cluster;
mod commands;
mod credentials;
mod error;
mod forward;
mod pod;
mod restored;
mod table;

pub use arguments::Arguments;
pub use error::PluginError;

use std::io::Write;

use arguments::Command;
use cluster::Cluster;

/// Runs one command and writes what it has to say.
pub async fn run(arguments: Arguments, out: &mut impl Write) -> Result<(), PluginError> {
    let Arguments { connection, command } = arguments;
    let cluster = Cluster::connect(&connection).await?;
    match command {
        Command::List { all_namespaces } => commands::list::run(&cluster, all_namespaces, out).await,
        Command::Status { store } => commands::status::run(&cluster, &store, out).await,
        Command::Restart { store } => commands::restart::run(&cluster, &store, out).await,
        Command::Backup(backup) => commands::backup::run(&cluster, &backup, out).await,
        Command::Restore(restore) => commands::restore::run(&cluster, &restore, out).await,
        Command::Endpoint { store } => commands::endpoint::run(&cluster, &store, out).await,
        Command::Get { store, key } => commands::get::run(&cluster, &store, &key, out).await,
        Command::Put(put) => commands::put::run(&cluster, &put, out).await,
        Command::Delete { store, key } => commands::delete::run(&cluster, &store, &key, out).await,
    }
}
