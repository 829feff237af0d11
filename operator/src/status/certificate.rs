//! What is told of a store's certificate. Pure.

use jiff::Timestamp;
use kivi_crds::{CertificateStatus, ConditionType};

use super::conditions::Conditions;
use crate::material::Material;
use crate::model::{Certificate, IssuerCertificate, Store};
use crate::pki::Examined;

/// Whether there is a certificate to serve with, and what is to be known of it.
pub(super) fn condition(
    store: &Store,
    material: &Material,
    now: Timestamp,
    conditions: Conditions,
) -> Conditions {
    let (holds, reason, message) = match &store.certificate {
        Certificate::Managed(_) => managed(store, material),
        Certificate::Issuer(wanted) => issuer(store, wanted, now),
        Certificate::Provided { secret, served } => {
            let (reason, message) = foreign("Provided", held(secret), served, now);
            (true, reason, message)
        }
        Certificate::Disabled => {
            (true, "TlsDisabled", "spec.tls.disabled: clients speak in the clear.".to_owned())
        }
    };
    conditions.set(ConditionType::CertificateReady, holds, reason, message)
}

fn held(secret: &str) -> String {
    format!("Secret {secret} holds the certificate.")
}

fn managed(store: &Store, material: &Material) -> (bool, &'static str, String) {
    let held = held(&store.names.tls_secret());
    let next = material.certificate.as_ref().and_then(|issued| issued.authorities.next.as_ref());
    let Some(next) = next else {
        return (true, "Issued", held);
    };
    let bundle = store.names.ca_config_map();
    let message = format!(
        "{held} ConfigMap {bundle} holds a new authority, which issues from {}: load it until then.",
        next.issues_at
    );
    (true, "AuthorityRolling", message)
}

fn issuer(store: &Store, wanted: &IssuerCertificate, now: Timestamp) -> (bool, &'static str, String) {
    let name = store.names.store();
    let said = match &wanted.ready {
        Some(ready) if ready.ready => None,
        Some(ready) => Some(ready.message.as_str()),
        None => Some("nothing yet"),
    };
    let said = said.map(|said| {
        format!("cert-manager says of Certificate {name}: {said}; `kubectl describe certificate {name}` tells more.")
    });
    match (&wanted.served, said) {
        (Some(served), said) => {
            let message = [held(&store.names.tls_secret())].into_iter().chain(said).collect::<Vec<_>>();
            let (reason, message) = foreign("Issued", message.join(" "), served, now);
            (true, reason, message)
        }
        (None, Some(said)) => (false, "Issuing", format!("There is no certificate yet. {said}")),
        (None, None) => {
            let secret = store.names.tls_secret();
            (false, "Issuing", format!("Secret {secret} holds no certificate that can be served."))
        }
    }
}

/// A certificate of someone else's making, with what clients may hold against it.
fn foreign(sound: &'static str, held: String, served: &Examined, now: Timestamp) -> (&'static str, String) {
    let mut flaws: Vec<(&'static str, String)> =
        served.flaws.iter().map(|flaw| (flaw.reason(), flaw.to_string())).collect();
    if served.ends_soon_at <= now {
        flaws.insert(0, ("EndsSoon", format!("it ends at {}: renew it", served.not_after)));
    }
    let Some((reason, _)) = flaws.first().cloned() else {
        return (sound, held);
    };
    let flaws: Vec<String> = flaws.into_iter().map(|(_, flaw)| flaw).collect();
    (reason, format!("{held} But {}.", flaws.join(", and ")))
}

/// The certificate in use.
pub(crate) fn status(store: &Store, material: &Material) -> Option<CertificateStatus> {
    let secret_name = store.certificate_secret()?;
    let published = Some(store.names.ca_config_map());
    let foreign = |served: &Examined, generation| CertificateStatus {
        secret_name: secret_name.clone(),
        ca_config_map: published.clone().filter(|_| served.bundle.is_some()),
        not_after: served.not_after.to_string(),
        generation,
    };
    match &store.certificate {
        Certificate::Managed(_) => material.certificate.as_ref().map(|issued| CertificateStatus {
            secret_name: secret_name.clone(),
            ca_config_map: published.clone(),
            not_after: issued.not_after.to_string(),
            generation: issued.generation,
        }),
        Certificate::Issuer(wanted) => Some(foreign(wanted.served.as_ref()?, wanted.revision)),
        Certificate::Provided { served, .. } => Some(foreign(served, 0)),
        Certificate::Disabled => None,
    }
}
