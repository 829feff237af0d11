//! `kubectl kivi endpoint STORE`: the URL alone, for scripts.

use std::io::Write;

use crate::PluginError;
use crate::cluster::Cluster;

pub(crate) async fn run(cluster: &Cluster, store: &str, out: &mut impl Write) -> Result<(), PluginError> {
    let resource = cluster.store(store).await?;
    let endpoint = resource.status.and_then(|status| status.endpoint);
    let endpoint = endpoint.ok_or_else(|| PluginError::NoEndpoint {
        store: store.to_owned(),
        namespace: cluster.namespace.clone(),
    })?;
    writeln!(out, "{endpoint}")?;
    Ok(())
}
