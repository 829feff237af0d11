//! Where a store's certificate comes from, and what there is of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kivi_crds::{KeyValueStore, ManagedTls, StoreNames, annotations};
use kube::ResourceExt as _;

use super::error::ValidationError;
use super::issued::{HOUR, bounds, dns_names, life};
use super::issuer;
use super::secret::{self, Owned};
use crate::dereferenced::Dereferenced;
use crate::model::{Certificate, ManagedCertificate};
use crate::pki::layout::{CERTIFICATE_GENERATION, NEXT, NEXT_SINCE, retired_until};
use crate::pki::{Held, Pair, Published, Retired};

/// Checks `spec.tls` against what it refers to.
pub(super) fn certificate(
    store: &KeyValueStore,
    names: &StoreNames,
    found: &Dereferenced,
    owned: Owned<'_>,
    now: Timestamp,
) -> Result<Certificate, ValidationError> {
    let tls = &store.spec.tls;
    let host = format!("{}.{}.svc", names.store(), store.namespace().unwrap_or_default());
    match (&tls.managed, &tls.secret_ref, &tls.issuer_ref, &tls.disabled) {
        (None, None, None, Some(_)) => Ok(Certificate::Disabled),
        (None, Some(reference), None, None) => {
            let found_secret = found.provided_certificate.as_ref();
            let served = secret::certificate(&reference.name, found_secret, &host, now)?;
            if served.bundle.is_some() {
                owned.config_map(found.bundle.as_ref())?;
            }
            Ok(Certificate::Provided { secret: reference.name.clone(), served })
        }
        (None, None, Some(reference), None) => {
            let wanted = issuer::certificate(reference, names, &host, found, owned, now)?;
            Ok(Certificate::Issuer(Box::new(wanted)))
        }
        (managed, None, None, None) => {
            let managed = managed.clone().unwrap_or_default();
            check(&managed)?;
            let asked = |annotation: &str| store.annotations().get(annotation).map(|value| request(value));
            Ok(Certificate::Managed(Box::new(ManagedCertificate {
                held: held(names, found, owned)?,
                duration: managed.duration(),
                renew_before: managed.renew_before(),
                authority_duration: managed.authority_duration(),
                overlap: managed.authority_overlap(),
                roll: asked(annotations::ROLL_AUTHORITY),
                rotate: asked(annotations::ROTATE_CERTIFICATE),
                dns_names: managed.dns_names,
            })))
        }
        _ => Err(ValidationError::Tls),
    }
}

fn held(names: &StoreNames, found: &Dereferenced, owned: Owned<'_>) -> Result<Held, ValidationError> {
    let authority = owned.secret(&names.ca_secret(), found.authority.as_ref())?;
    let leaf = owned.secret(&names.tls_secret(), found.leaf.as_ref())?;
    let bundle = owned.config_map(found.bundle.as_ref())?;
    let annotation = |secret: Option<&Secret>, key: &str| secret?.annotations().get(key).cloned();
    Ok(Held {
        authority: authority.and_then(secret::pair),
        next: authority.and_then(|secret| {
            Some(Pair { certificate: secret::text(secret, NEXT.0)?, key: secret::text(secret, NEXT.1)? })
        }),
        retired: authority.map(retired).unwrap_or_default(),
        rolled: annotation(authority, annotations::ROLL_AUTHORITY),
        published: bundle.and_then(published),
        leaf: leaf.and_then(secret::pair),
        generation: annotation(leaf, CERTIFICATE_GENERATION)
            .and_then(|generation| generation.parse().ok())
            .unwrap_or_default(),
        rotated: annotation(leaf, annotations::ROTATE_CERTIFICATE),
    })
}

fn retired(secret: &Secret) -> Vec<Retired> {
    let keys = secret.data.iter().flat_map(BTreeMap::keys);
    keys.filter_map(|key| {
        Some(Retired { until: retired_until(key)?, certificate: secret::text(secret, key)? })
    })
    .collect()
}

fn published(bundle: &ConfigMap) -> Option<Published> {
    let next_since = bundle.annotations().get(NEXT_SINCE).and_then(|since| since.parse().ok());
    Some(Published { bundle: bundle.data.as_ref()?.get("ca.crt")?.clone(), next_since })
}

/// A request as it is compared and recorded: an annotation may be of 256 KiB.
fn request(value: &str) -> String {
    value.chars().take(128).collect()
}

/// What the definition's rules refuse.
fn check(managed: &ManagedTls) -> Result<(), ValidationError> {
    let (duration, overlap) = (managed.duration(), managed.authority_overlap());
    life(duration, managed.renew_before(), Duration::from_secs(60))?;
    bounds("authorityOverlap", overlap, Duration::from_secs(10), 720 * HOUR)?;
    if managed.authority_duration.is_some() {
        let least = 2 * (duration + overlap);
        bounds("authorityDuration", managed.authority_duration(), least, 87_600 * HOUR)?;
    }
    dns_names(&managed.dns_names)
}
