//! Makes a backup that is due (client). It is no child: it outlives the store, and what becomes of it is its own reconcile's.

use kivi_crds::KeyValueStoreBackup;
use kube::api::PostParams;
use kube::{Api, Client, Resource as _, ResourceExt as _};

use super::error::ApplyError;
use crate::answer::is_conflict;
use crate::field_manager::FIELD_MANAGER;

/// Makes a backup. One that is there already was made for the same time, and never changes.
///
/// # Errors
/// When the API server does not take it.
pub async fn create(
    client: &Client,
    namespace: &str,
    backup: &KeyValueStoreBackup,
) -> Result<(), ApplyError> {
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match Api::<KeyValueStoreBackup>::namespaced(client.clone(), namespace).create(&params, backup).await {
        Err(source) if !is_conflict(&source) => {
            let kind = KeyValueStoreBackup::kind(&()).into_owned();
            Err(ApplyError::Apply { kind, name: backup.name_any(), source })
        }
        _ => Ok(()),
    }
}
