//! One reconcile: the five steps in order. Idempotent; it does not ask why it runs.

mod context;
mod error;
mod invalid;
mod owned;
mod refused;
mod tell;
mod until;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use kivi_crds::{KeyValueStore, StoreNames};
use kube::ResourceExt;
use kube::core::error_boundary::InvalidObject;
use kube_runtime::controller::Action;
use kube_runtime::reflector::ObjectRef;

pub use self::context::Context;
pub use self::error::ReconcileError;
use self::owned::owns;
use self::tell::tell;
use self::until::until;
use crate::answer::{is_leaving, is_refusal};
use crate::apply::{self, Before};
use crate::backoff;
use crate::backup::policy::Restore;
use crate::build;
use crate::dereference;
use crate::dereferenced::Dereferenced;
use crate::material::{self, Material};
use crate::model::{Certificate, IssuerCertificate, Store};
use crate::rollouts::{self, Change, Turn, Wait};
use crate::status::seen::{self, Seen};
use crate::status::{self, compute};
use crate::validate::{self, ValidationError};
use crate::volumes::plan::Template;
use crate::volumes::{change, claim};
use crate::watched::Watched;

/// Brings one store's children and status to what its spec says.
///
/// # Errors
/// The step that failed; the status says so where a user can help.
pub async fn reconcile(store: Arc<Watched>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let start = Instant::now();
    let outcome = match &store.0 {
        // On the heap: most reconciles that wait hold the children of a store.
        Ok(store) => Box::pin(steps(store, &context)).await,
        Err(error) => malformed(error, &context).await,
    };
    let outcome = match outcome {
        Err(error) if error.is_farewell() => {
            tracing::debug!(%error, "A store is gone, or goes with its namespace.");
            Ok(Action::await_change())
        }
        outcome => outcome,
    };
    context.metrics.reconciled(start.elapsed(), outcome.as_ref().err().map(ReconcileError::reason));
    if outcome.is_ok() {
        context.failures.lock().remove(&ObjectRef::from_obj(store.as_ref()));
    }
    outcome
}

/// How long a StatefulSet may be on its way out without a word of its watch.
const LEAVING: Duration = Duration::from_secs(10);

async fn steps(store: &KeyValueStore, context: &Context) -> Result<Action, ReconcileError> {
    if store.metadata.deletion_timestamp.is_some() {
        // The children go with their owner; nothing is made for a store that leaves.
        return Ok(Action::await_change());
    }
    let now = Timestamp::now();
    let generation = store.metadata.generation.unwrap_or_default();
    let previous = store.status.as_ref();
    let namespace = store.namespace().ok_or(ValidationError::Incomplete("namespace"))?;
    let names = StoreNames::new(store.name_any());
    if store.spec.paused {
        let set = dereference::stateful_set(&context.client, &namespace, &names).await?;
        let set = set.filter(|set| owns(store, set));
        let claims = dereference::claims(&context.client, &namespace, &names, store.spec.replicas).await?;
        let seen = seen::look(&context.client, &namespace, &names, set, &claims, now).await?;
        tell(store, context, &compute::paused(previous, generation, &seen, now)).await?;
        return Ok(Action::await_change());
    }
    // 1: a client is needed.
    // On the heap: it asks after many kinds.
    let mut found =
        Box::pin(dereference::dereference(&context.client, &namespace, store, &context.copies)).await?;
    // Volumes grow whatever is wrong with the rest: a full one may be what is wrong.
    change::requests(&context.client, &namespace, names.store(), &store.spec, &mut found).await?;
    change::remember(&context.client, &namespace, &store.spec, &mut found).await?;
    // 2: no client.
    let catalog = context.catalog.borrow().clone();
    let valid = match validate::validate(store, &found, &catalog, &context.cluster_domain, now) {
        Ok(valid) => valid,
        Err(error) => {
            Box::pin(invalid::look_after(store, context, found, &error, now)).await?;
            return Err(error.into());
        }
    };
    let material = material::ensure(&valid, now)?;
    // 3: no client.
    let mut prepared = build::build(&valid, &material);
    let again = || {
        let found = Dereferenced { stateful_set: None, ..found.clone() };
        let valid = validate::validate(store, &found, &catalog, &context.cluster_domain, now).ok()?;
        Some(build::build(&valid, &material).stateful_set)
    };
    if let Some(set) = outgrown(&valid, found.stateful_set.as_ref(), &prepared.stateful_set, again) {
        // The watch tells when it is gone; the next reconcile makes it anew, and that one takes its pods up.
        if valid.volume.template == Template::Replace {
            change::replace(&context.client, &namespace, set).await?;
        }
        let set = Some(set.clone());
        let seen = seen::look(&context.client, &namespace, &names, set, &found.claims, now).await?;
        tell(store, context, &compute::replacing(&valid, &seen, previous, now)).await?;
        return Ok(Action::requeue(LEAVING));
    }
    let wait = stagger(store, context, &mut prepared.stateful_set, &found).await;
    // 4: a client is needed.
    let before = Before {
        running: found.stateful_set.as_ref(),
        archive: found.archive.as_ref(),
        is_kept: wait.is_some(),
    };
    let applied =
        match Box::pin(apply::apply(&context.client, &context.ledger, &valid, prepared, before)).await {
            Ok(applied) => applied,
            Err(error) => {
                context.rollouts.leave(&reference(store));
                if is_refusal(error.cause()) && !is_leaving(error.cause()) {
                    Box::pin(refused::look_after(store, context, valid.backup, found, &error, now)).await?;
                }
                return Err(error.into());
            }
        };
    // 5: a client is needed.
    let set = Some(applied.stateful_set);
    let mut seen = seen::look(&context.client, &namespace, &names, set, &found.claims, now).await?;
    (seen.backups, seen.archive, seen.copying) = (found.backups, applied.archive, found.copying);
    tell(store, context, &compute::serving(&valid, &material, &seen, wait.as_ref(), previous, now)).await?;
    Ok(next(&valid, &material, &seen, !applied.foreign.is_empty(), now))
}

/// The StatefulSet that is to be made anew for its template of claims, or is gone already but for its name.
///
/// One whose pods the operator is replacing, or would, is let to end that first: what it notes of that is lost with it.
/// `again` is what would be made in its place, without a look at it: none where that would be refused.
fn outgrown<'s>(
    store: &Store,
    made: Option<&'s StatefulSet>,
    wanted: &StatefulSet,
    again: impl FnOnce() -> Option<StatefulSet>,
) -> Option<&'s StatefulSet> {
    let pods = |set: &StatefulSet| set.spec.as_ref().map(|spec| spec.template.clone());
    match store.volume.template {
        Template::Replace => made
            .filter(|made| !rollouts::rolls(made, wanted))
            .filter(|_| again().is_some_and(|again| pods(&again) == pods(wanted))),
        Template::Leaving => made,
        Template::Keep | Template::Release => None,
    }
}

/// Whether the pods keep what they have for now: what the operator changes of its own accord waits for its turn, and no pod
/// is replaced whose volume would go with it.
async fn stagger(
    store: &KeyValueStore,
    context: &Context,
    wanted: &mut StatefulSet,
    found: &Dereferenced,
) -> Option<Wait> {
    let made = found.stateful_set.as_ref();
    let change = rollouts::change(made, wanted);
    rollouts::note(wanted, change, made);
    let leaving = claim::leaving(&StoreNames::new(store.name_any()), store.spec.replicas, &found.claims);
    let store = reference(store);
    if change != Change::None
        && let Some(claim) = leaving
    {
        context.rollouts.leave(&store);
        return Some(Wait::Volume { claim, asked: change == Change::Users });
    }
    if change != Change::Operators {
        context.rollouts.leave(&store);
        return None;
    }
    match context.rollouts.turn(&store, rollouts::template(wanted)).await {
        Turn::Now => None,
        Turn::Waits(wait) => Some(wait),
    }
}

fn reference(store: &KeyValueStore) -> ObjectRef<Watched> {
    ObjectRef::new(&store.name_any()).within(&store.namespace().unwrap_or_default())
}

/// When to look again though nothing changes. `foreign`: whether there are children of kinds that are not watched.
fn next(store: &Store, material: &Material, seen: &Seen, foreign: bool, now: Timestamp) -> Action {
    /// Between two looks at how full a volume is that grows by itself.
    const FILL: Duration = Duration::from_secs(30);
    /// Between two tries to let a claim ask for more: no watch tells of its StorageClass.
    const REFUSED: Duration = Duration::from_secs(300);
    /// Between two looks at what no watch tells of: a kind that the cluster did not know, children of such kinds, and the
    /// claim of a backup that the pods mount though they need it no more.
    const UNWATCHED: Duration = Duration::from_secs(300);
    let due = match &store.certificate {
        Certificate::Managed(_) => material.certificate.as_ref().map(|issued| issued.due),
        // Its end is to be told, unless its keeper renews it.
        Certificate::Provided { served, .. } if now < served.ends_soon_at => Some(served.ends_soon_at),
        Certificate::Provided { served, .. } => Some(served.not_after),
        Certificate::Issuer(wanted) => Some(now + ask_again(wanted)),
        Certificate::Disabled => None,
    };
    let renewal = due.map(|due| until(now, due));
    let look = seen.look_again.map(|due| until(now, due));
    let copies = store.backup.as_ref().and_then(|policy| status::backup::look_again(policy, seen, now));
    let copies = copies.map(|due| until(now, due));
    let refused = store.volume.refusal.is_some().then_some(REFUSED);
    let grows = store.settings.log.file.as_ref().is_some_and(|file| file.auto_grow.is_some()).then_some(FILL);
    let mounts = matches!(store.restore, Some(Restore::AsMade { mounted_by: Some(_), .. }));
    let unwatched = (foreign || mounts || !store.unknown_kinds.is_empty()).then_some(UNWATCHED);
    [renewal, look, refused, grows, unwatched, copies]
        .into_iter()
        .flatten()
        .min()
        .map_or_else(Action::await_change, Action::requeue)
}

/// Certificates are not watched, as the cluster may not know them; their Secrets are.
fn ask_again(wanted: &IssuerCertificate) -> SignedDuration {
    let at_rest = wanted.served.is_some() && wanted.ready.as_ref().is_some_and(|ready| ready.ready);
    if at_rest { SignedDuration::from_mins(10) } else { SignedDuration::from_secs(5) }
}

/// Says in the conditions of a store that it cannot be read.
async fn malformed(error: &InvalidObject, context: &Context) -> Result<Action, ReconcileError> {
    let metadata = &error.metadata;
    let (name, namespace) = (metadata.name.clone(), metadata.namespace.clone());
    if let (Some(name), Some(namespace)) = (name, namespace) {
        let previous = status::read(&context.client, &namespace, &name).await?;
        let generation = metadata.generation.unwrap_or_default();
        let next = compute::malformed(previous.as_ref(), generation, &error.error, Timestamp::now());
        if status::write(
            &context.client,
            &namespace,
            &name,
            metadata.uid.as_deref(),
            previous.as_ref(),
            &next,
        )
        .await?
        {
            context.metrics.status_written();
        }
    }
    Err(ReconcileError::Malformed(Box::new(error.clone())))
}

/// When to try again: an invalid store when something changes, anything else soon, and ever later.
// The signature is the controller's.
#[allow(clippy::needless_pass_by_value)]
pub fn error_policy(store: Arc<Watched>, error: &ReconcileError, context: Arc<Context>) -> Action {
    let object = ObjectRef::from_obj(store.as_ref());
    if error.waits_for_user() {
        tracing::info!(store = %object, %error, "The store waits for its user.");
        let now = Timestamp::now();
        let look = store.0.as_ref().ok().and_then(|store| invalid::look_again(store, now));
        return look.map_or_else(Action::await_change, Action::requeue);
    }
    let failures = {
        let mut all = context.failures.lock();
        let failures = all.entry(object.clone()).or_default();
        *failures = failures.saturating_add(1);
        *failures
    };
    let delay = backoff::of_store(failures, error.asked());
    tracing::warn!(store = %object, %error, failures, delay_ms = delay.as_millis(), "A reconcile failed and will be tried again.");
    Action::requeue(delay)
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod tests;
