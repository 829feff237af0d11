//! The backup that is due, also of a store that cannot be built: what runs is copied all the same (client, and one look at
//! the time). It must not look at anything of the spec but `spec.backup`.

use jiff::Timestamp;
use kivi_crds::{KeyValueStore, StoreNames};
use kube::Client;

use super::build;
use super::policy::Policy;
use crate::apply::{ApplyError, scheduled_backup};
use crate::dereferenced::Dereferenced;
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
        Some(backup) => scheduled_backup::create(client, namespace, &backup).await,
        None => Ok(()),
    }
}

/// When a store that waits for its user is to be looked at again for its backups' sake.
pub fn next(store: &KeyValueStore, now: Timestamp) -> Option<Timestamp> {
    let policy = validate::plan(store, &Dereferenced::default(), now).ok()??;
    look_again(&policy, &Seen::default(), now)
}
