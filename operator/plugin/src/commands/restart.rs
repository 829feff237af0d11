//! `kubectl kivi restart STORE`: asks the operator to restart the pods.

use std::io::Write;

use k8s_openapi::jiff::Timestamp;

use crate::PluginError;
use crate::cluster::Cluster;

pub(crate) async fn run(cluster: &Cluster, store: &str, out: &mut impl Write) -> Result<(), PluginError> {
    // Another value at each call; which one does not matter, and a time tells a reader something.
    cluster.restart(store, &Timestamp::now().to_string()).await?;
    writeln!(out, "store {store} restarts; `kubectl kivi status {store}` tells when it is ready again")?;
    Ok(())
}
