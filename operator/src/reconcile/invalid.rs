//! A store that cannot be built: it is told why, and what runs is looked after as far as that takes no more of its spec than
//! is sound by itself. Its backups are made, and a certificate of the operator's own is renewed.

use std::time::Duration;

use jiff::Timestamp;
use kivi_crds::{KeyValueStore, StoreNames};
use kube::{Client, ResourceExt as _};

use super::context::Context;
use super::error::ReconcileError;
use super::owned::owns;
use super::tell::tell;
use super::until::until;
use crate::backup::due;
use crate::dereference;
use crate::dereferenced::Dereferenced;
use crate::renewal;
use crate::status::{compute, seen};
use crate::validate::{self, ValidationError};

/// Looks after what runs, and tells why the store cannot be built.
///
/// # Errors
/// What could not be done.
pub(super) async fn look_after(
    store: &KeyValueStore,
    context: &Context,
    mut found: Dereferenced,
    error: &ValidationError,
    now: Timestamp,
) -> Result<(), ReconcileError> {
    let (client, namespace) = (&context.client, store.namespace().unwrap_or_default());
    let names = StoreNames::new(store.name_any());
    found.stateful_set = found.stateful_set.filter(|set| owns(store, set));
    // What never ran is neither copied nor reached.
    let runs = found.stateful_set.is_some();
    let copies = runs.then(|| validate::plan(store, &found, now));
    let made = match &copies {
        Some(copies) => due::make(client, &namespace, &names, copies).await,
        None => Ok(()),
    };
    // One that could not be made is due still.
    let copies = copies.as_ref().filter(|_| made.is_ok());
    let catalog = context.catalog.borrow().clone();
    let renewal =
        if runs { renewal::due(store, &found, &catalog, &context.cluster_domain, now) } else { None };
    // Asked only here: no watch tells of them, and few stores had one. What cert-manager writes is not written over.
    let renewal = match renewal {
        Some(_) if is_issued_elsewhere(store, client, &namespace).await? => None,
        renewal => renewal,
    };
    let renewed = match &renewal {
        Some(renewal) => renewal::write(client, &namespace, renewal).await,
        None => Ok(()),
    };
    let mut seen = seen::look(client, &namespace, &names, found.stateful_set, &found.claims, now).await?;
    (seen.backups, seen.copying) = (found.backups, found.copying);
    seen.archive = found.archive.filter(|job| owns(store, job));
    let generation = store.metadata.generation.unwrap_or_default();
    let mut next = compute::invalid(store.status.as_ref(), generation, error, copies, &names, &seen, now);
    if let Some(renewal) = renewal.filter(|_| renewed.is_ok()) {
        next.certificate = renewal.certificate;
    }
    tell(store, context, &next).await?;
    made.and(renewed).map_err(ReconcileError::Apply)
}

/// Whether a Certificate of cert-manager is there that an earlier spec asked for.
async fn is_issued_elsewhere(
    store: &KeyValueStore,
    client: &Client,
    namespace: &str,
) -> Result<bool, ReconcileError> {
    let certificate = dereference::certificate(client, namespace, &store.name_any()).await?;
    Ok(certificate.is_some_and(|certificate| owns(store, &certificate)))
}

/// When a store that waits for its user is to be looked at again for the sake of what runs.
pub(super) fn look_again(store: &KeyValueStore, now: Timestamp) -> Option<Duration> {
    let copied = due::next(store, now).map(|due| until(now, due));
    // Of what never ran there is nothing to look after.
    let certificate = store.status.as_ref().and_then(|status| status.certificate.as_ref());
    let renewed = certificate.and_then(|_| renewal::look_again(store));
    copied.into_iter().chain(renewed).min()
}
