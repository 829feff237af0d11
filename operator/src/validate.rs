//! Step 2 (pure): spec and dereferenced objects become a [`Store`], or a sentence for the user.
//!
//! It reads no clock and knows no client. What CEL rules refuse is refused here again, because a rule may
//! be younger than an object.

mod backup;
mod error;
mod foreign;
mod network;
mod opaque;
mod pod;
mod secret;

use jiff::Timestamp;
use kivi_crds::settings::Settings;
use kivi_crds::{KeyValueStore, StoreNames, Tls};
use kube::{Resource as _, ResourceExt as _};

use crate::catalog::Catalog;
use crate::dereference::Dereferenced;
use crate::foreign::ForeignKind;
use crate::model::{Certificate, ManagedCertificate, Store, Tokens, Volume};

pub use error::ValidationError;

/// Annotation of the leaf's Secret: how often it was issued.
pub const CERTIFICATE_GENERATION: &str = "kivi.dev/certificate-generation";

/// Checks a store against the catalog and against what it refers to.
///
/// # Errors
/// The first thing that keeps the store from being built.
pub fn validate(
    store: &KeyValueStore,
    found: &Dereferenced,
    catalog: &Catalog,
    now: Timestamp,
) -> Result<Store, ValidationError> {
    let spec = &store.spec;
    let namespace = store.namespace().ok_or(ValidationError::Incomplete("namespace"))?;
    let owner = store.controller_owner_ref(&()).ok_or(ValidationError::Incomplete("uid"))?;
    let names = StoreNames::new(store.name_any());
    let release = catalog.release(&spec.version).ok_or_else(|| ValidationError::Version {
        asked: spec.version.clone(),
        offered: catalog.versions(),
    })?;
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
    let volume = volume(&settings, found)?;
    let own = secret::Owned { uid: &owner.uid, store: names.store() };
    own.names(found)?;
    let archived = spec.backup.as_ref().is_some_and(|backup| backup.point_in_time.is_some());
    let superseded_archive = backup::takes_over(found, own, archived)?;
    let certificate = certificate(&spec.tls, &names, found, own, now)?;
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
        release: release.clone(),
        replicas: if spec.stopped { 0 } else { spec.replicas },
        servers: spec.replicas,
        stopped: spec.stopped,
        volume,
        retention: spec.retention,
        certificate,
        tokens,
        service: spec.service.clone(),
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

fn volume(settings: &Settings, found: &Dereferenced) -> Result<Volume, ValidationError> {
    let file = settings.log.file()?;
    let wanted_size = file.size.to_string();
    let made = found.stateful_set.as_ref().and_then(|set| {
        let template = set.spec.as_ref()?.volume_claim_templates.as_ref()?.first()?;
        let requests = template.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
        Some(requests.get("storage")?.0.clone())
    });
    Ok(Volume {
        template_size: made.unwrap_or_else(|| wanted_size.clone()),
        wanted_size,
        storage_class: file.storage_class_name.clone(),
    })
}

fn certificate(
    tls: &Tls,
    names: &StoreNames,
    found: &Dereferenced,
    owned: secret::Owned<'_>,
    now: Timestamp,
) -> Result<Certificate, ValidationError> {
    match (&tls.managed, &tls.secret_ref, &tls.disabled) {
        (None, None, Some(_)) => Ok(Certificate::Disabled),
        (None, Some(reference), None) => {
            let not_after = secret::certificate(&reference.name, found.provided_certificate.as_ref(), now)?;
            Ok(Certificate::Provided { secret: reference.name.clone(), not_after })
        }
        (managed, None, None) => {
            let managed = managed.clone().unwrap_or_default();
            if managed.renew_before() >= managed.duration() {
                return Err(ValidationError::Renewal);
            }
            let leaf = owned.secret(&names.tls_secret(), found.leaf.as_ref())?;
            Ok(Certificate::Managed(ManagedCertificate {
                authority: owned.secret(&names.ca_secret(), found.authority.as_ref())?.and_then(secret::pair),
                leaf: leaf.and_then(secret::pair),
                generation: leaf
                    .and_then(|secret| secret.annotations().get(CERTIFICATE_GENERATION)?.parse().ok())
                    .unwrap_or_default(),
                duration: managed.duration(),
                renew_before: managed.renew_before(),
            }))
        }
        _ => Err(ValidationError::Tls),
    }
}

#[cfg(test)]
mod tests;
