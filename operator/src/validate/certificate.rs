//! Where a store's certificate comes from, and what there is of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kivi_crds::{KeyValueStore, MAX_DNS_NAMES, ManagedTls, StoreNames, annotations, is_dns_name};
use kube::ResourceExt as _;

use super::ValidationError;
use super::issuer;
use super::secret::{self, Owned};
use crate::dereference::Dereferenced;
use crate::model::{Certificate, ManagedCertificate};
use crate::pki::{Held, Pair, Published, Retired};

/// Annotation of the leaf's Secret: how often it was issued.
pub const CERTIFICATE_GENERATION: &str = "kivi.dev/certificate-generation";
/// Annotation of the bundle's ConfigMap: since when it holds the authority that will issue next.
pub const NEXT_SINCE: &str = "kivi.dev/next-authority-since";
/// Keys of the next authority in the authority's Secret.
pub const NEXT: (&str, &str) = ("next.crt", "next.key");

/// Key of an old authority in the authority's Secret: it says until when the authority is trusted.
pub fn retired_key(until: Timestamp) -> String {
    until.strftime("retired-%Y%m%dT%H%M%SZ.crt").to_string()
}

fn retired_until(key: &str) -> Option<Timestamp> {
    key.strip_prefix("retired-")?.strip_suffix(".crt")?.parse().ok()
}

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

const HOUR: Duration = Duration::from_secs(3600);

fn bounds(
    field: &'static str,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), ValidationError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ValidationError::TlsDuration { field, least, most })
}

/// A certificate's life and the end of it in which it is renewed.
pub(super) fn life(
    duration: Duration,
    renew_before: Duration,
    least: Duration,
) -> Result<(), ValidationError> {
    bounds("duration", duration, HOUR, 87_600 * HOUR)?;
    bounds("renewBefore", renew_before, least, duration.saturating_sub(Duration::from_millis(1)))
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

/// What the definition's rules refuse of names.
pub(super) fn dns_names(names: &[String]) -> Result<(), ValidationError> {
    let sound = |name: &String| {
        let behind = name.strip_prefix("*.").filter(|behind| behind.contains('.'));
        name.len() <= 253 && is_dns_name(behind.unwrap_or(name))
    };
    match names.iter().find(|name| !sound(name)) {
        Some(name) => Err(ValidationError::DnsName(name.clone())),
        None if names.len() > MAX_DNS_NAMES => Err(ValidationError::DnsNames(names.len())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_old_authority_says_until_when_it_is_trusted() {
        let until: Timestamp = "2027-02-20T10:00:01Z".parse().unwrap();
        assert_eq!(retired_key(until), "retired-20270220T100001Z.crt");
        assert_eq!(retired_until(&retired_key(until)), Some(until));
        assert_eq!(retired_until("retired-soon.crt"), None);
    }

    #[test]
    fn a_wildcard_stands_for_one_label_before_two() {
        let accepted = |name: &str| dns_names(&[name.to_owned()]).is_ok();
        for name in ["a", "kv.example.com", "*.example.com"] {
            assert!(accepted(name), "{name}");
        }
        for name in ["", "*", "*.com", "a.*.com", "*.*.example.com", "Kv.example.com"] {
            assert!(!accepted(name), "{name}");
        }
    }
}
