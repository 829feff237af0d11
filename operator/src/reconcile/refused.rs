//! A store one of whose children the API server refuses: it is told in its words, and what runs is copied all the same.

use jiff::Timestamp;
use kivi_crds::{KeyValueStore, StoreNames};
use kube::ResourceExt as _;

use super::context::Context;
use super::error::ReconcileError;
use super::owned::owns;
use super::tell::tell;
use crate::apply::ApplyError;
use crate::backup::due;
use crate::backup::policy::Policy;
use crate::dereferenced::Dereferenced;
use crate::status::{compute, seen};

/// Makes the backup that is due, and tells what is refused.
///
/// # Errors
/// What could not be looked at or told.
pub(super) async fn look_after(
    store: &KeyValueStore,
    context: &Context,
    policy: Option<Policy>,
    found: Dereferenced,
    error: &ApplyError,
    now: Timestamp,
) -> Result<(), ReconcileError> {
    let (client, namespace) = (&context.client, store.namespace().unwrap_or_default());
    let names = StoreNames::new(store.name_any());
    // What never ran is not copied.
    let runs = found.stateful_set.is_some();
    let copies = Ok(policy.filter(|_| runs));
    let made = due::make(client, &namespace, &names, &copies).await;
    // One that could not be made is due still.
    let copies = Some(&copies).filter(|_| runs && made.is_ok());
    let mut seen = seen::look(client, &namespace, &names, found.stateful_set, &found.claims, now).await?;
    (seen.backups, seen.copying) = (found.backups, found.copying);
    seen.archive = found.archive.filter(|job| owns(store, job));
    let (message, generation) = (error.to_string(), store.metadata.generation.unwrap_or_default());
    let previous = store.status.as_ref();
    let next = compute::failed(previous, generation, &message, copies, &names, &seen, now);
    Ok(tell(store, context, &next).await?)
}
