//! Whether what a store's pods mount of the backup that it began with is there. It must not judge whether they need it.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kivi_crds::KeyValueStore;
use kube::Client;

use super::error::DereferenceError;
use super::namesakes::named;
use crate::backup::origin;
use crate::dereferenced::Dereferenced;

/// Whether the claim that the backup was read from is gone, or leaves; only looked up where the store's volume is filled.
pub(super) async fn is_lost(
    client: &Client,
    namespace: &str,
    store: &KeyValueStore,
    found: &Dereferenced,
) -> Result<bool, DereferenceError> {
    let Some(bootstrap) = &store.spec.bootstrap else { return Ok(false) };
    let from = &bootstrap.from_backup;
    if !origin::is_filled(from, &found.claims) {
        return Ok(false);
    }
    let made = origin::made(from, found.stateful_set.as_ref(), &found.claims, found.tools.as_ref());
    let Some(claim) = made.as_ref().and_then(origin::Made::claim) else { return Ok(false) };
    let there = named::<PersistentVolumeClaim>(client, namespace, claim).await?;
    Ok(there.iter().all(|claim| claim.metadata.deletion_timestamp.is_some()))
}
