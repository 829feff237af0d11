//! The backup that is due, also of a store that cannot be built: what runs is copied all the same (client, and one look at
//! the time). It must not look at anything of the spec but `spec.backup`.

use jiff::Timestamp;
use kivi_crds::{KeyValueStore, KeyValueStoreBackup, StoreNames};
use kube::api::PostParams;
use kube::{Api, Client, Resource as _, ResourceExt as _};

use super::build;
use super::policy::Policy;
use crate::answer::is_conflict;
use crate::apply::{ApplyError, FIELD_MANAGER};
use crate::dereference::Dereferenced;
use crate::status::backup::look_again;
use crate::status::seen::Seen;
use crate::validate::{self, ValidationError};

/// Makes the backup that is due by a plan, if one is.
///
/// # Errors
/// When the API server does not take it.
pub async fn make(
    client: &Client,
    namespace: &str,
    names: &StoreNames,
    plan: &Result<Option<Policy>, ValidationError>,
) -> Result<(), ApplyError> {
    let plan = plan.as_ref().ok().and_then(Option::as_ref);
    match plan.and_then(|plan| build::due(namespace, names, plan)) {
        Some(backup) => create(client, namespace, &backup).await,
        None => Ok(()),
    }
}

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

/// When a store that waits for its user is to be looked at again for its backups' sake.
pub fn next(store: &KeyValueStore, now: Timestamp) -> Option<Timestamp> {
    let policy = validate::plan(store, &Dereferenced::default(), now).ok()??;
    look_again(&policy, &Seen::default(), now)
}
