//! `kubectl kivi get STORE KEY`: the value, byte for byte.

use std::ffi::OsStr;
use std::io::Write;

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
    let value = forward.call(store, client.get(bytes(key))).await?.ok_or_else(|| PluginError::NoValue {
        store: store.to_owned(),
        key: key.to_string_lossy().into_owned(),
    })?;
    Ok(out.write_all(&value.bytes)?)
}
