//! Step 2 (pure): spec and dereferenced objects become a [`Store`], or a sentence for the user.
//!
//! It reads no clock and knows no client. What CEL rules refuse is refused here again, because a rule may
//! be younger than an object.

mod backup;
mod certificate;
mod error;
mod foreign;
mod issued;
mod issuer;
mod network;
mod opaque;
pub(crate) mod placement;
mod pod;
mod release;
mod secret;
mod service;
mod template;

use jiff::Timestamp;
use kivi_crds::settings::Settings;
use kivi_crds::{KeyValueStore, StoreNames, annotations};
use kube::{Resource as _, ResourceExt as _};

use crate::catalog::Catalog;
use crate::dereferenced::Dereferenced;
use crate::foreign::ForeignKind;
use crate::model::{Store, Tokens, Volume};
use crate::volumes::ownership::ForeignClaim;
use crate::volumes::{growth, plan};

pub use backup::plan;
pub use error::ValidationError;

/// Checks a store against the catalog and against what it refers to.
///
/// # Errors
/// The first thing that keeps the store from being built.
pub fn validate(
    store: &KeyValueStore,
    found: &Dereferenced,
    catalog: &Catalog,
    cluster_domain: &str,
    now: Timestamp,
) -> Result<Store, ValidationError> {
    let spec = &store.spec;
    let namespace = store.namespace().ok_or(ValidationError::Incomplete("namespace"))?;
    let owner = store.controller_owner_ref(&()).ok_or(ValidationError::Incomplete("uid"))?;
    let names = StoreNames::new(store.name_any());
    let release = release::of(store, found.stateful_set.as_ref(), catalog)?;
    let settings = Settings {
        log: spec.log.clone(),
        limits: spec.limits.clone(),
        auth: spec.auth.clone(),
        sidecar: spec.sidecar.clone(),
    };
    settings.check()?;
    if spec.replicas != 1 {
        return Err(ValidationError::Replicas(spec.replicas));
    }
    if let Some(ForeignClaim { claim, why, store }) = found.foreign_claims.first().cloned() {
        return Err(ValidationError::ForeignClaim { claim, why, store });
    }
    let volume = volume(&settings, found)?;
    let own = secret::Owned { uid: &owner.uid, store: names.store() };
    own.names(found)?;
    let archived = spec.backup.as_ref().is_some_and(|backup| backup.point_in_time.is_some());
    let superseded_archive = backup::takes_over(found, own, archived)?;
    let certificate = certificate::certificate(store, &names, found, own, now)?;
    let tokens = match &spec.auth.tokens_secret_ref {
        Some(reference) => {
            secret::tokens(&reference.name, found.provided_tokens.as_ref())?;
            Tokens::Provided { secret: reference.name.clone() }
        }
        None => Tokens::Managed { token: own.token(found.token.as_ref())? },
    };
    let valid = Store {
        namespace,
        generation: store.metadata.generation.unwrap_or_default(),
        release,
        restart: restart(store, found),
        replicas: if spec.stopped { 0 } else { spec.replicas },
        servers: spec.replicas,
        stopped: spec.stopped,
        volume,
        retention: spec.retention,
        certificate,
        cluster_domain: cluster_domain.to_owned(),
        tokens,
        service: service::checked(&spec.service)?,
        pod: pod::options(&spec.pod, &spec.sidecar)?,
        service_monitor: found
            .foreign_kinds
            .contains(&ForeignKind::ServiceMonitor)
            .then(|| spec.monitoring.labels.clone()),
        network_policy: network::allowed(&spec.network_policy)?,
        ingress: spec.ingress.clone(),
        http_route: foreign::route(spec.http_route.as_ref(), &found.foreign_kinds),
        unknown_kinds: foreign::unknown(spec, &found.foreign_kinds),
        settings,
        names,
        owner,
        backup: None,
        superseded_archive,
        restore: backup::restore(store, found)?,
    };
    let policy = backup::policy(store, &valid, found, now)?;
    Ok(Store { backup: policy, ..valid })
}

/// What the user asked for last. That the annotation is gone restarts nothing, so what the pods have stays.
fn restart(store: &KeyValueStore, found: &Dereferenced) -> Option<String> {
    let template = found.stateful_set.as_ref().and_then(|set| set.spec.as_ref()?.template.metadata.as_ref());
    let made = template.and_then(|metadata| metadata.annotations.as_ref()?.get(annotations::RESTART));
    store.annotations().get(annotations::RESTART).or(made).cloned()
}

fn volume(settings: &Settings, found: &Dereferenced) -> Result<Volume, ValidationError> {
    let file = settings.log.file()?;
    let wanted_size = growth::wanted(file, &found.claims);
    let set = found.stateful_set.as_ref();
    Ok(Volume {
        template_size: set.and_then(plan::template_size).unwrap_or(&wanted_size).to_owned(),
        template: plan::template(&wanted_size, set, &found.claims),
        growth: found.growth.clone(),
        refusal: found.refusals.first().cloned(),
        wanted_size,
        storage_class: file.storage_class_name.clone(),
    })
}

#[cfg(test)]
mod tests;
