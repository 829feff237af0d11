//! `kubectl kivi put STORE KEY [VALUE|-]`: stores a value of the command line or of the standard input.

use std::ffi::OsStr;
use std::io::{Read, Write};

use kivi_api::client::Precondition;

use super::bytes;
use crate::PluginError;
use crate::arguments::Put;
use crate::cluster::Cluster;

pub(crate) async fn run(cluster: &Cluster, put: &Put, out: &mut impl Write) -> Result<(), PluginError> {
    let value = value(put.value.as_deref(), &mut std::io::stdin())?;
    let (client, forward) = cluster.open(&put.store).await?;
    let call = client.put(bytes(&put.key), value, put.media_type.as_ref(), Precondition::None);
    let written = forward.call(&put.store, call).await?;
    let verb = if written.created { "created" } else { "replaced" };
    writeln!(out, "{} {verb} (revision {})", put.key.to_string_lossy(), written.revision)?;
    Ok(())
}

fn value(argument: Option<&OsStr>, input: &mut impl Read) -> std::io::Result<Vec<u8>> {
    match argument.map(bytes) {
        Some(value) if value != b"-" => Ok(value.to_vec()),
        _ => {
            let mut value = Vec::new();
            input.read_to_end(&mut value)?;
            Ok(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_or_nothing_reads_the_standard_input() {
        for argument in [None, Some(OsStr::new("-"))] {
            assert_eq!(value(argument, &mut &b"from input\0"[..]).unwrap(), b"from input\0");
        }
        assert_eq!(value(Some(OsStr::new("plain")), &mut &b"unread"[..]).unwrap(), b"plain");
        assert_eq!(value(Some(OsStr::new("")), &mut &b"unread"[..]).unwrap(), b"");
    }
}
