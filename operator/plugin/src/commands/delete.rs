//! `kubectl kivi delete STORE KEY`.

use std::ffi::OsStr;
use std::io::Write;

use kivi_api::client::Precondition;

use super::bytes;
use crate::PluginError;
use crate::cluster::Cluster;

pub(crate) async fn run(
    cluster: &Cluster,
    store: &str,
    key: &OsStr,
    out: &mut impl Write,
) -> Result<(), PluginError> {
    let (client, forward) = cluster.open(store).await?;
    let deleted = forward.call(store, client.delete(bytes(key), Precondition::None)).await?;
    let key = key.to_string_lossy();
    match deleted.revision {
        Some(revision) => writeln!(out, "{key} deleted (revision {revision})")?,
        None => writeln!(out, "{key} had no value")?,
    }
    Ok(())
}
